"""The machine's GPUs, through NVML."""

from dataclasses import dataclass
from typing import Any

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card."""

    name: str
    memory_bytes: int


def find_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA cards of this machine; none without a driver, or if a card does not answer it."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        return _cards(pynvml)
    except pynvml.NVMLError as error:
        log.warning("gpu.unknown", why=str(error), hint="set GPU_COUNT, GPU_MEMORY_GB and GPU_MODEL")
        return ()
    finally:
        pynvml.nvmlShutdown()


def _cards(nvml: Any) -> tuple[Gpu, ...]:
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    return tuple(
        Gpu(str(nvml.nvmlDeviceGetName(handle)), int(nvml.nvmlDeviceGetMemoryInfo(handle).total)) for handle in handles
    )
