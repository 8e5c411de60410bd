"""How far a prompt is, from the socket's events alone. It does no I/O."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemons.worker.connectors.comfyui.answers import mapping, number, sequence, text
from daemons.worker.connectors.comfyui.events import Image, SocketEvent
from emp_core.domain.graph import Graph

UNFINISHED = 99.0
"""The most that is reported before the end is certain."""


class Tracker:
    """Hears everything that the socket says, and heeds what is about its own prompt.

    Jobs that others post without a client id are broadcast to every socket: an event counts only with the right id.
    """

    def __init__(self, graph: Graph, keeps: frozenset[str], limit: int) -> None:
        self._graph = graph
        self.keeps = keeps
        self._limit = limit
        self._done: set[str] = set()
        self._running: dict[str, float] = {}
        self._labelled = False
        self._kept = 0
        self.prompt_id = ""
        self.node = ""
        """The node that runs."""

        self.step = ""
        """How far that node is, in words."""

        self.started = False
        self.ended = False
        self.percent = 0.0
        self.remaining: int | None = None
        """What the last `status` said of the server's queue."""

        self.images: list[tuple[str, Image]] = []
        """Results that came over the socket, with their nodes."""

        self.overflowed = False
        """Whether those were too many bytes to keep."""

        self.preview: Image | None = None
        """The latest picture that is no result."""

    @property
    def class_type(self) -> str:
        """What kind of node runs."""
        return str(self._graph[self.node]["class_type"]) if self.node in self._graph else ""

    def hear(self, heard: SocketEvent | Image) -> bool:
        """Take one frame in; whether it was about this prompt."""
        if isinstance(heard, Image):
            return self._see(heard)
        if heard.kind == "status":
            info = mapping(mapping(heard.data.get("status")).get("exec_info"))
            self.remaining = int(number(info.get("queue_remaining")))
        elif heard.kind == "feature_flags":
            self._labelled = heard.data.get("supports_preview_metadata") is True
        reader = READERS.get(heard.kind)
        if reader is None or not self.prompt_id or heard.prompt_id != self.prompt_id:
            return False
        reader(self, heard.data)
        self._count()
        return True

    def _see(self, image: Image) -> bool:
        if image.prompt_id != self.prompt_id and (image.prompt_id or self._labelled or not self.node):
            return False
        node = image.node or self.node
        if node not in self.keeps:
            self.preview = image
            return True
        self._kept += len(image.data)
        self.overflowed = self._kept > self._limit
        if not self.overflowed:
            self.images.append((node, image))
        return True

    def _start(self, _: Mapping[str, Any]) -> None:
        self.started = True

    def _cached(self, data: Mapping[str, Any]) -> None:
        self.started = True
        self._done |= self._known(sequence(data.get("nodes")))

    def _executing(self, data: Mapping[str, Any]) -> None:
        node = text(data.get("node"))
        self._done |= self._known([self.node])  # servers before 0.3.45 say nothing of a node's end
        self._running.pop(self.node, None)
        self.started, self.ended = True, self.ended or not node
        self.node, self.step = node, ""

    def _progress(self, data: Mapping[str, Any]) -> None:
        value, most = number(data.get("value")), number(data.get("max"))
        node = text(data.get("node")) or self.node
        if most > 1:
            self._running[node] = _share(value, most)
            self.step = f"{value:g} of {most:g}"

    def _progress_state(self, data: Mapping[str, Any]) -> None:
        self.started = True
        for node, state in mapping(data.get("nodes")).items():
            about = mapping(state)
            if about.get("state") == "finished":
                self._done |= self._known([node])
                self._running.pop(node, None)
            elif number(about.get("max")) > 0:
                self._running[node] = _share(number(about.get("value")), number(about.get("max")))

    def _executed(self, data: Mapping[str, Any]) -> None:
        self._done |= self._known([data.get("node")])

    def _end(self, _: Mapping[str, Any]) -> None:
        self.ended = True

    def _error(self, data: Mapping[str, Any]) -> None:
        # A blocked branch sends an error too, and the prompt goes on.
        self.ended = self.ended or data.get("exception_type") != "ExecutionBlocked"

    def _known(self, nodes: Sequence[Any]) -> set[str]:
        return {node for node in nodes if isinstance(node, str) and node in self._graph}

    def _count(self) -> None:
        part = sum(share for node, share in self._running.items() if node in self._graph and node not in self._done)
        percent = 100 * (len(self._done) + part) / max(1, len(self._graph))
        self.percent = max(self.percent, min(UNFINISHED, percent))


def _share(value: float, most: float) -> float:
    return min(1.0, max(0.0, value / most))


READERS: Mapping[str, Callable[[Tracker, Mapping[str, Any]], None]] = {
    "execution_start": Tracker._start,
    "execution_cached": Tracker._cached,
    "executing": Tracker._executing,
    "progress": Tracker._progress,
    "progress_state": Tracker._progress_state,
    "executed": Tracker._executed,
    "execution_success": Tracker._end,
    "execution_interrupted": Tracker._end,
    "execution_error": Tracker._error,
}
