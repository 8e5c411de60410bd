"""A job's payload, read: the graph to run, the files that it takes, what goes along."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemons.worker.connector import JobFailed
from daemons.worker.connectors.comfyui.answers import MARK, mapping
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.domain.outcome import Failure

Graph = Mapping[str, Mapping[str, Any]]

RESERVED = frozenset({"workflow", "prompt", "files", "extra_data"})
"""Keys of a payload; no node of a bare graph is called so."""

PRIVATE = frozenset({"auth_token_comfy_org", "api_key_comfy_org", "client_id", MARK})
"""Keys of `extra_data` that a job may not send: keys to somebody's account, and the worker's own."""

SENT_OVER_SOCKET = frozenset({"SaveImageWebsocket"})
"""Output classes that write no file: their pictures come as binary frames, once."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the server."""

    graph: Graph
    files: Mapping[str, str]
    """Name in the graph -> artifact."""

    extra: Mapping[str, Any]

    def socket_nodes(self) -> frozenset[str]:
        """The nodes whose pictures come over the socket."""
        return frozenset(node for node, body in self.graph.items() if body["class_type"] in SENT_OVER_SOCKET)


def read_payload(payload: Mapping[str, Any], settings: ComfyUISettings) -> Request:
    """`{"workflow": graph}`, `{"prompt": graph}`, or the graph itself. Raises `JobFailed` for what can never run."""
    graph = _graph(payload)
    if isinstance(graph.get("nodes"), list):
        raise _never(
            "ui_format",
            "this workflow is in the editor's format; export it with Workflow > Export (API) and submit that",
        )
    checked = {node: _node(node, body, settings) for node, body in graph.items()}
    if not checked:
        raise _never("validation", "the payload has no workflow: expected nodes, at the top or under `workflow`")
    files = mapping(payload.get("files"))
    if not all(isinstance(artifact, str) for artifact in files.values()):
        raise _never("validation", "files: expected a map from names in the workflow to artifact ids")
    extra = {key: value for key, value in mapping(payload.get("extra_data")).items() if key not in PRIVATE}
    return Request(checked, files, extra)


def with_inputs(graph: Graph, replaced: Mapping[str, str]) -> Graph:
    """The graph with the names of files replaced wherever an input is exactly such a name."""
    changed = copy.deepcopy(graph)
    for body in changed.values():
        for name, value in body["inputs"].items():
            if isinstance(value, str) and value in replaced:
                body["inputs"][name] = replaced[value]
    return changed


def names_used(graph: Graph) -> frozenset[str]:
    """All texts that stand as an input."""
    return frozenset(value for body in graph.values() for value in body["inputs"].values() if isinstance(value, str))


def _graph(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("prompt", "workflow"):  # what ComfyUI saves with a picture has both, the editor's form as `workflow`
        inner = payload.get(key)
        if isinstance(inner, dict):
            return inner
    return {key: value for key, value in payload.items() if key not in RESERVED}


def _node(node: str, body: Any, settings: ComfyUISettings) -> Mapping[str, Any]:
    class_type = mapping(body).get("class_type")
    if not isinstance(class_type, str) or not isinstance(body.get("inputs"), dict):
        raise _never("validation", f"node {node!r:.60} of the workflow has no class_type or no inputs")
    allowed = settings.allowed_classes
    if class_type in settings.denied_classes or (allowed is not None and class_type not in allowed):
        message = f"this worker does not run nodes of class {class_type!r:.80} (node {node!r:.60})"
        raise _never("forbidden_class", message)
    return dict(body)


def _never(code: str, message: str) -> JobFailed:
    return JobFailed(Failure(message=message, retryable=False, code=code))
