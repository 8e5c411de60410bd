"""The machine's GPUs, through NVML."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from emp_core.domain.gpu_memory import Gpu

log = structlog.get_logger()


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Card:
    """One card."""

    name: str
    memory_bytes: int


def find_gpus() -> tuple[Card, ...]:
    """The NVIDIA cards of this machine; none without a driver, or if a card does not answer it."""

    def card(nvml: Any, handle: Any) -> Card:
        return Card(str(nvml.nvmlDeviceGetName(handle)), int(nvml.nvmlDeviceGetMemoryInfo(handle).total))

    return _of_each(card, "set GPU_COUNT, GPU_MEMORY_GB and GPU_MODEL")


def memory_of_gpus() -> tuple[Gpu, ...]:
    """The memory of each of them, as it is now; none if a card does not answer the driver."""

    def memory(nvml: Any, handle: Any) -> Gpu:
        found = nvml.nvmlDeviceGetMemoryInfo(handle)
        return Gpu(int(found.total), int(found.free))

    return _of_each(memory, "look at what nvidia-smi says")


def _of_each(look: Callable[[Any, Any], T], hint: str) -> tuple[T, ...]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(look(pynvml, handle) for handle in handles)
    except pynvml.NVMLError as error:
        log.warning("gpu.unknown", why=str(error), hint=hint)
        return ()
    finally:
        pynvml.nvmlShutdown()
