"""ComfyUI's graphs as the command takes them: the API form, with inputs set by hand."""

from collections.abc import Mapping
from typing import Any

from emp_core.domain.graph import find_graph, is_editor_form, malformed_node
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput

Graph = dict[str, dict[str, Any]]

SHOWN = 20
"""Nodes that an error lists."""

EXPORT = "in ComfyUI: Workflow > Export (API)"


def read_graph(value: Any) -> Graph:
    """The graph in a file: bare, or under `prompt` or `workflow`. Raises `InvalidInput` for what no server runs."""
    graph = find_graph(value) if isinstance(value, Mapping) else {}
    if not graph:
        raise InvalidInput("graph", "must be an object of nodes", hint=EXPORT)
    if is_editor_form(graph):
        raise InvalidInput("graph", "is in the editor's format; ComfyUI runs only the API format", hint=EXPORT)
    if (name := malformed_node(graph)) is not None:
        raise InvalidInput("graph", f"node {name} has no class_type or no inputs", hint=EXPORT)
    return {name: {**node, "inputs": dict(node["inputs"])} for name, node in graph.items()}


def set_input(graph: Graph, path: str, value: Any) -> None:
    """Set `node.input`; the node by its id, or by a title or a class that only one node has."""
    word, _, name = path.partition(".")
    node = graph[_find(graph, word, path)]
    if name not in node["inputs"]:
        known = ", ".join(node["inputs"]) or "none"
        problem = f"node {word} ({node['class_type']}) has no input {name!r}; it has {known}"
        raise InvalidInput("set", problem + did_you_mean(name, node["inputs"]))
    node["inputs"][name] = value


def _find(graph: Graph, word: str, path: str) -> str:
    if word in graph:
        return word
    named = [name for name, node in graph.items() if word in (_title(node), node["class_type"])]
    if len(named) == 1:
        return named[0]
    if named:
        raise InvalidInput("set", f"{len(named)} nodes are called {word}: {', '.join(named)}; name one of these")
    # `seed=7` names an input alone.
    having = [f"{name}.{word}" for name, node in graph.items() if word in node["inputs"]]
    if having and path == word:
        raise InvalidInput("set", f"{word} needs its node: {' or '.join(having[:SHOWN])}")
    known = [*graph, *(title for node in graph.values() for title in (node["class_type"], _title(node)) if title)]
    nodes = [f"{name} ({node['class_type']})" for name, node in graph.items()]
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    problem = f"the graph has no node {word}; it has {', '.join(nodes[:SHOWN])}{more}"
    raise InvalidInput("set", problem + did_you_mean(word, known))


def _title(node: Mapping[str, Any]) -> str:
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, Mapping) else ""
