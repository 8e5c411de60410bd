"""What ComfyUI answers, read without trust: a shape that does not fit raises `Unreadable`, never anything else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MARK = "emp"
"""The key in `extra_data` under which a prompt names its worker, job and attempt."""


HUGE = 1e18
"""No number that means anything is larger."""

LONGEST_ID = 200
"""Characters of a prompt id: 36, but for servers that take any."""


class Unreadable(ValueError):
    """An answer does not have the shape it should have."""


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> Sequence[Any]:
    """A JSON list, empty for anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """A JSON string, empty for anything else; half characters, which JSON can hold and UTF-8 cannot, are replaced."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def number(value: Any) -> float:
    """A JSON number that one can calculate with, 0 for anything else: JSON knows no limits, and Python's knows NaN."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < HUGE else 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """What `POST /prompt` says of a prompt that was queued."""

    prompt_id: str
    node_errors: Mapping[str, Any]

    @classmethod
    def read(cls, answer: Any) -> "Accepted":
        found = text(mapping(answer).get("prompt_id"))
        if not 0 < len(found) <= LONGEST_ID:
            raise Unreadable("the answer to a prompt names no prompt_id")
        return cls(found, mapping(mapping(answer).get("node_errors")))


@dataclass(frozen=True, slots=True)
class Queued:
    """A prompt in the server's queue, anybody's."""

    number: float
    prompt_id: str
    extra: Mapping[str, Any]

    @classmethod
    def read(cls, item: Any) -> "Queued":
        if not isinstance(item, list) or len(item) < 4 or not isinstance(item[1], str):
            raise Unreadable("an entry of the queue is no prompt")
        return cls(number(item[0]), item[1], mapping(item[3]))

    @property
    def mark(self) -> Mapping[str, Any]:
        """Worker, job and attempt, if a worker sent it."""
        return mapping(self.extra.get(MARK))


@dataclass(frozen=True, slots=True)
class PromptQueue:
    """The prompts that run and wait, next first."""

    running: tuple[Queued, ...]
    pending: tuple[Queued, ...]

    @classmethod
    def read(cls, answer: Any) -> "PromptQueue":
        parts = mapping(answer)
        if "queue_running" not in parts or "queue_pending" not in parts:
            raise Unreadable("the answer is no queue")
        running = tuple(Queued.read(item) for item in sequence(parts["queue_running"]))
        pending = [Queued.read(item) for item in sequence(parts["queue_pending"])]  # in the order of a heap
        return cls(running, tuple(sorted(pending, key=lambda queued: (queued.number, queued.prompt_id))))

    def __iter__(self) -> Iterator[Queued]:
        yield from self.running
        yield from self.pending

    def __len__(self) -> int:
        return len(self.running) + len(self.pending)


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file on the server, by the words that `/view` takes."""

    filename: str
    subfolder: str
    folder: str

    @classmethod
    def read(cls, item: Any) -> "FileRef | None":
        """None for what is no file; other folders than the server's three are not asked for."""
        parts = mapping(item)
        name, folder = text(parts.get("filename")), text(parts.get("type")) or "output"
        if not name or folder not in ("output", "temp", "input"):
            return None
        return cls(name, text(parts.get("subfolder")), folder)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the history says of a prompt that ended."""

    outputs: Mapping[str, Any]
    succeeded: bool
    messages: tuple[tuple[str, Mapping[str, Any]], ...]
    client_id: str = ""
    """Which worker, job and attempt it was of; empty if it does not say."""

    wanted: tuple[str, ...] = ()
    """The output nodes that were to run."""

    @classmethod
    def read(cls, answer: Any, prompt_id: str) -> "Entry | None":
        """None if there is no entry."""
        if not isinstance(answer, dict):
            raise Unreadable("the answer is no history")
        if prompt_id not in answer:
            return None
        entry = mapping(answer[prompt_id])
        status = mapping(entry.get("status"))
        pairs = (pair for pair in sequence(status.get("messages")) if isinstance(pair, list) and len(pair) == 2)
        messages = tuple((text(kind), mapping(data)) for kind, data in pairs)
        # Servers of before 2024 keep no status: what is in the history came to its end.
        succeeded = text(status.get("status_str")) in ("success", "")
        prompt = sequence(entry.get("prompt"))
        client_id = text(mapping(prompt[3]).get("client_id")) if len(prompt) > 3 else ""
        wanted = tuple(map(text, sequence(prompt[4]))) if len(prompt) > 4 else ()
        return cls(mapping(entry.get("outputs")), succeeded, messages, client_id, wanted)

    def is_of(self, client_id: str) -> bool:
        """Whether it tells of this client's prompt, not of an older one that had the same id."""
        return self.client_id in ("", client_id)

    @property
    def interrupted(self) -> bool:
        """Whether it was interrupted; only the last message tells that from a failure."""
        return not self.succeeded and bool(self.messages) and self.messages[-1][0] == "execution_interrupted"

    @property
    def error(self) -> Mapping[str, Any]:
        """The `execution_error` that ended it."""
        return next((data for kind, data in reversed(self.messages) if kind == "execution_error"), {})

    @property
    def cached(self) -> Sequence[Any]:
        """The nodes that did not have to run."""
        return next((sequence(data.get("nodes")) for kind, data in self.messages if kind == "execution_cached"), [])

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        stamps = [number(data.get("timestamp")) for _, data in self.messages]
        return round((stamps[-1] - stamps[0]) / 1000, 3) if len(stamps) > 1 and min(stamps) > 0 else None
