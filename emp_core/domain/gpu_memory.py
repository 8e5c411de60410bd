"""What a worker's GPU memory holds, as its services or its machine's driver say; for people only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emp_core.domain.json_text import dump_json, load_json

MOST_LOADED = 32
"""Models of a service that the queue keeps."""

MOST_GPUS = 64
STEP = 10**8
"""Free memory is told in steps of so many bytes, so that the queue is told of large changes only."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """The memory of one card, in bytes."""

    total: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuMemory:
    """The cards that a worker uses, and the models in them."""

    gpus: tuple[Gpu, ...] = ()
    """Empty: nothing tells."""

    loaded: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Service -> the models that it says are loaded; a service that does not tell is not in it."""

    @property
    def total(self) -> int:
        return sum(gpu.total for gpu in self.gpus)

    @property
    def free(self) -> int:
        return sum(gpu.free for gpu in self.gpus)

    def text(self) -> str:
        """What a beat carries. `memory_of` reads it."""
        gpus = [(gpu.total, gpu.free // STEP * STEP) for gpu in self.gpus[:MOST_GPUS]]
        loaded = {service: names[:MOST_LOADED] for service, names in self.loaded.items()}
        return dump_json({"gpus": gpus, "loaded": loaded}).decode()


def memory_of(text: str) -> GpuMemory:
    """Read what a beat carried. Raises `ValueError` if it has another form."""
    said = load_json(text) if text else {"gpus": [], "loaded": {}}
    if not isinstance(said, dict) or not isinstance(loaded := said.get("loaded"), dict):
        raise ValueError(f"{text!r} does not tell of GPU memory")
    gpus = [Gpu(*numbers) for numbers in map(_two_numbers, _list(said.get("gpus")))]
    names = {service: tuple(map(str, _list(names))) for service, names in loaded.items()}
    return GpuMemory(gpus=tuple(gpus), loaded=names)


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")
    return value


def _two_numbers(value: Any) -> Sequence[int]:
    if len(_list(value)) != 2 or not all(type(number) is int and number >= 0 for number in value):
        raise ValueError(f"{value!r} is not the memory of a GPU")
    return _list(value)
