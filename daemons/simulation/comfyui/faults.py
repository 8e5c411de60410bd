"""What goes wrong with a simulated server: where, how often, and for how long."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What can strike as a node begins."""

    ERROR = "error"
    """The node raises."""

    OUT_OF_MEMORY = "out_of_memory"
    """The node raises torch's OutOfMemoryError."""

    BLOCKED = "blocked"
    """An `execution_error` of type ExecutionBlocked is sent, and the work goes on to success."""

    WAIT = "wait"
    """The node takes long, but heeds interrupts."""

    HANG = "hang"
    """The node takes long and is deaf."""

    HOG = "hog"
    """The node holds the GIL: no HTTP, no WebSocket, no pong."""

    STALL = "stall"
    """Events queue up, as when another client does not read its socket; HTTP answers."""

    LOSE_SOCKETS = "lose_sockets"
    """Every WebSocket is reset; the work goes on."""

    INTERRUPT = "interrupt"
    """Somebody presses the cancel button."""

    STRANGER = "stranger"
    """Somebody else queues a prompt, of which all sockets hear."""

    CRASH = "crash"
    """The process ends: connections are reset without a close frame, queue, history and temp files are gone."""


class Answer(StrEnum):
    """How one HTTP request is answered badly."""

    ERROR = "error"
    """500, in aiohttp's own words; the request had no effect."""

    MISSING = "missing"
    """404; the request had no effect."""

    GATEWAY = "gateway"
    """502 from a proxy; the request had its effect."""

    REFUSED_GATEWAY = "refused_gateway"
    """502 from a proxy; the request did not get through."""

    BAD_JSON = "bad_json"
    """A body that ends too early; the request had its effect."""

    SILENT = "silent"
    """No answer until released; the request had its effect."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """The orders, which may change while the server runs."""

    at: Mapping[str, Fault] = field(default_factory=dict[str, Fault])
    """Node id or class -> what strikes each time it begins."""

    rates: Mapping[Fault, float] = field(default_factory=dict[Fault, float])
    """Chance of each fault, per node begun."""

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    """Path without `/api` -> how its next requests are answered; each takes one."""

    errors: float = 0.0
    """Chance that a request is answered with 500 and has no effect."""

    slow: float = 1.0
    """All work takes this many times as long."""

    deaf: bool = False
    """Interrupts are accepted and never heeded."""

    lasts: float | None = None
    """Seconds that a wait, hang, hog, stall or silence lasts; None: until released."""

    down: float | None = None
    """Seconds between a crash and the next start; None: until started."""

    def strikes(self, node: str, class_type: str, chance: random.Random) -> Fault | None:
        """What happens to a node that begins."""
        ordered = self.at.get(node) or self.at.get(class_type)
        if ordered is not None:
            return ordered
        return next((fault for fault, rate in self.rates.items() if chance.random() < rate), None)

    def answer(self, path: str, chance: random.Random) -> Answer | None:
        """How a request to a path is answered badly, if at all."""
        queued = self.answers.get(path.removeprefix("/api"))
        if queued:
            return queued.pop(0)
        return Answer.ERROR if self.errors and chance.random() < self.errors else None
