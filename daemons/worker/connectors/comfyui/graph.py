"""A job's payload, read: the graph to run, the files that it takes, what goes along."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemons.worker.connector import JobFailed
from daemons.worker.connectors.comfyui.answers import MARK, mapping
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.domain.graph import Graph, find_graph, is_editor_form, malformed_node
from emp_core.domain.outcome import Failure

RESERVED = frozenset({"workflow", "prompt", "files", "extra_data"})
"""Keys of a payload; no node of a bare graph is called so."""

PRIVATE = frozenset({"auth_token_comfy_org", "api_key_comfy_org", "client_id", MARK})
"""Keys of `extra_data` that a job may not send: account keys, and the worker's own."""

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
    found = find_graph(payload)
    graph = {key: value for key, value in found.items() if key not in RESERVED} if found is payload else found
    if is_editor_form(graph):
        raise _never(
            "ui_format",
            "this graph is in the editor's format; export it with Workflow > Export (API) and submit that",
        )
    if not graph:
        raise _never("validation", "the payload has no graph: expected nodes, at the top or under `workflow`")
    if (node := malformed_node(graph)) is not None:
        raise _never("validation", f"node {node!r:.60} of the graph has no class_type or no inputs")
    _refuse_classes(graph, settings)
    files = mapping(payload.get("files"))
    if not all(isinstance(artifact, str) for artifact in files.values()):
        raise _never("validation", "files: expected a map from names in the graph to artifact ids")
    extra = {key: value for key, value in mapping(payload.get("extra_data")).items() if key not in PRIVATE}
    return Request({node: dict(body) for node, body in graph.items()}, files, extra)


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


def _refuse_classes(graph: Graph, settings: ComfyUISettings) -> None:
    allowed = settings.allowed_classes
    for node, body in graph.items():
        class_type = body["class_type"]
        if class_type in settings.denied_classes or (allowed is not None and class_type not in allowed):
            message = f"this worker does not run nodes of class {class_type!r:.80} (node {node!r:.60})"
            raise _never("forbidden_class", message)


def _never(code: str, message: str) -> JobFailed:
    return JobFailed(Failure(message=message, retryable=False, code=code))
