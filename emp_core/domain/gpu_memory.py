"""What a worker's GPU memory holds, as its services or its machine's driver say; for people only."""

from collections.abc import Mapping
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
    if not text:
        return GpuMemory()
    said = load_json(text)
    if not _tells_memory(said):
        raise ValueError(f"{text!r} does not tell of GPU memory")
    return GpuMemory(
        gpus=tuple(Gpu(total, free) for total, free in said["gpus"]),
        loaded={service: tuple(names) for service, names in said["loaded"].items()},
    )


def _tells_memory(said: Any) -> bool:
    if not isinstance(said, dict) or not isinstance(said.get("gpus"), list) or not isinstance(said.get("loaded"), dict):
        return False
    names = [name for names in said["loaded"].values() for name in (names if isinstance(names, list) else [None])]
    return all(map(_is_gpu, said["gpus"])) and all(isinstance(name, str) for name in names)


def _is_gpu(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(part) is int and part >= 0 for part in value)
