"""The connector for ComfyUI."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from daemons.worker.connector import Assignment, Build, JobContext, Probe, ServiceDown
from daemons.worker.connectors.comfyui import stopping
from daemons.worker.connectors.comfyui.answers import Queued, mapping, number, sequence, text
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi
from daemons.worker.connectors.comfyui.attempt import PromptAttempt
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.clock import Clock
from emp_core.domain.gpu_memory import Gpu
from emp_core.domain.outcome import Result


class ComfyUI:
    """One ComfyUI server, as a worker sees it."""

    service = "comfyui"
    reports_progress = True

    def __init__(
        self,
        settings: ComfyUISettings,
        *,
        worker_id: str,
        clock: Clock,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._clock = clock
        self._new_uuid = new_uuid
        self._api = ComfyUIApi(settings, new_uuid)
        self._others = Others(self._api, settings, worker_id)
        self._busy: Probe | None = None
        """The last probe, if it found the server busy."""

        self.concurrency = settings.concurrency

    async def probe(self) -> Probe:
        """Version, memory, queue and models; of a server that is still busy only that, for it is asked often."""
        try:
            remaining, busy = await self._load() if self._busy is not None else (0, "")
            if busy and self._busy is not None:
                return replace(self._busy, busy=busy, queue_length=remaining)
            stats = await self._api.system_stats()
            remaining, busy = await self._load()
            models = await self._models()
        except ApiError as error:
            raise ServiceDown(str(error)) from error
        system = mapping(stats.get("system"))
        if not system:
            raise ServiceDown("the server at that address is not ComfyUI")
        version = text(system.get("comfyui_version"))
        probe = Probe(
            version=version,
            models=models,
            gpus=tuple(_gpus(stats)),
            queue_length=remaining,
            busy=busy,
            detail=_detail(stats),
        )
        self._busy = probe if busy else None
        return probe

    async def _load(self) -> tuple[int, str]:
        """How many prompts wait or run, and why that is too much for another job."""
        remaining = await self._api.remaining()
        return remaining, await self._others.busy(remaining) if remaining else ""

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        attempt = PromptAttempt(
            self._api,
            self._settings,
            self._clock,
            assignment,
            context,
            self._others,
            worker_id=self._worker_id,
            new_uuid=self._new_uuid,
        )
        with self._others.without(assignment):
            return await attempt.run()

    async def sweep(self, owned: frozenset[str]) -> int:
        """Stop the prompts that bear this worker's mark; those that heed no interrupt are left and not counted."""
        try:
            queue = await self._api.queue()
        except ApiError as error:
            raise ServiceDown(str(error)) from error
        stopped = 0
        for queued in [*queue.pending, *queue.running]:  # so that what runs is not followed by what waits
            if self._is_stray(queued, owned):
                stopped += await self._stop(queued.prompt_id)
        return stopped

    async def close(self) -> None:
        await self._api.close()

    def _is_stray(self, queued: Queued, owned: frozenset[str]) -> bool:
        return queued.mark.get("worker") == self._worker_id and queued.mark.get("job") not in owned

    async def _stop(self, prompt_id: str) -> bool:
        try:
            await stopping.stop(self._api, prompt_id, clock=self._clock, seconds=self._settings.cancel_seconds)
        except stopping.NotStopped:
            return False
        return True

    async def _models(self) -> tuple[str, ...]:
        folders = self._settings.model_folders or await self._api.model_folders()
        found = [await self._api.models(folder) for folder in folders]
        return tuple(sorted({name for names in found for name in names or ()}))


def _gpus(stats: Mapping[str, Any]) -> Iterator[Gpu]:
    """A server without a GPU tells of the main memory as the device `cpu`."""
    for device in map(mapping, sequence(stats.get("devices"))):
        total, free = (max(0, int(number(device.get(name)))) for name in ("vram_total", "vram_free"))
        if total and text(device.get("type")) != "cpu":
            yield Gpu(total, min(free, total))


def _detail(stats: Mapping[str, Any]) -> Mapping[str, Any]:
    """Memory and devices; not the command line, which holds paths."""
    system = mapping(stats.get("system"))
    devices = [
        {
            "name": text(device.get("name")),
            "type": text(device.get("type")),
            "memory_bytes": int(number(device.get("vram_total"))),
            "memory_free_bytes": int(number(device.get("vram_free"))),
        }
        for device in map(mapping, sequence(stats.get("devices")))
    ]
    return {
        "devices": devices,
        "ram_bytes": int(number(system.get("ram_total"))),
        "ram_free_bytes": int(number(system.get("ram_free"))),
        "pytorch": text(system.get("pytorch_version")),
    }


def build(build: Build, settings: ComfyUISettings) -> ComfyUI:
    """Build it for a worker."""
    return ComfyUI(settings, worker_id=build.worker_id, clock=build.clock)
