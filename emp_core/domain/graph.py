"""A ComfyUI graph in the API form: node id -> `{"class_type": ..., "inputs": {...}}`.

The command reads one from a file, the connector from a job's payload; both by these rules.
"""

from collections.abc import Mapping
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]

WRAPPERS = ("prompt", "workflow")
"""What ComfyUI saves with a picture has both, with the editor's form as `workflow`."""


def find_graph(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The graph under `prompt` or `workflow`, else the value itself. It is not checked yet."""
    for key in WRAPPERS:
        inner = value.get(key)
        if isinstance(inner, Mapping) and "class_type" not in inner:
            return find_graph(inner)
    return value


def is_editor_form(graph: Mapping[str, Any]) -> bool:
    """Whether it is what ComfyUI's editor saves, which no server runs."""
    return isinstance(graph.get("nodes"), list)


def malformed_node(graph: Mapping[str, Any]) -> str | None:
    """The id of the first node without a class or without inputs."""
    return next((node for node, body in graph.items() if not _is_node(body)), None)


def _is_node(body: Any) -> bool:
    return (
        isinstance(body, Mapping)
        and isinstance(body.get("class_type"), str)
        and isinstance(body.get("inputs"), Mapping)
    )
