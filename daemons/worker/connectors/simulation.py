"""`simulation`: a service that is not there. Jobs take time, make progress and files, and fail as they are told.

The payload says what happens; what it leaves out comes from the settings. Names that are not settings are echoed and
mean nothing, so any payload can be run.
"""

import asyncio
import ctypes
import os
import random
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from daemons.worker.connector import Assignment, Build, Interrupted, JobContext, JobFailed, Probe, ServiceDown
from emp_core.domain.gpu_memory import Gpu
from emp_core.domain.outcome import Artifact, Blame, Failure, Result
from emp_core.settings import SettingsModel

KEPT_MODELS = 3
"""Models that stay loaded: those of the last jobs."""


class SimulationSettings(SettingsModel):
    """The simulated service: what a job does unless its payload says otherwise."""

    model_config = SettingsConfigDict(env_prefix="SIMULATION_")

    duration: float = Field(default=1.0, ge=0, le=86_400)
    """Seconds that a job takes."""

    steps: int = Field(default=10, ge=1, le=10_000)
    """Steps in which a job reports progress."""

    failure_rate: float = Field(default=0.0, ge=0, le=1)
    """The share of attempts that fail, 0 to 1."""

    seed: int | None = Field(default=None, examples=[7])
    """With it, the same attempt fails or succeeds in every run, and makes the same files."""

    previews: int = Field(default=0, ge=0, le=100)
    """How many intermediate pictures a job shows."""

    outputs: int = Field(default=0, ge=0, le=100)
    """How many files a job makes."""

    size: int = Field(default=1_024, ge=0, le=1_000_000_000)
    """Bytes of each file."""

    fail: str | None = Field(default=None, examples=["out_of_memory"])
    """A code to fail with after the last step."""

    blame: Blame = Blame.JOB
    """The blame of that failure: job, worker or backend."""

    permanent: bool = False
    """Whether that failure is permanent."""

    hang: int | None = Field(default=None, examples=[3])
    """The step at which a job stands still until it is cancelled."""

    crash: int | None = Field(default=None, examples=[3])
    """The step at which a job kills its worker."""

    hog: float = Field(default=0.0, ge=0, le=600)
    """Seconds for which a job holds the interpreter."""

    gpu_memory_gb: float = Field(default=0.0, ge=0, le=10_000, examples=[24])
    """The memory of its GPU, which loaded models fill; 0: it tells of none."""

    deaf: bool = False
    """Whether a job does not hear a cancel."""


class Simulation:
    """Runs simulated jobs."""

    reports_progress = True

    def __init__(
        self,
        settings: SimulationSettings | None = None,
        *,
        service: str = "simulation",
        concurrency: int = 1_000,
        models: tuple[str, ...] | None = None,
        max_file_bytes: int = 100_000_000,
        dice: random.Random | None = None,
    ) -> None:
        self.service = service
        self.concurrency = concurrency
        self.models = models
        self.up = True
        """False: it refuses connections."""

        self.running = 0
        self._loaded: tuple[str, ...] = ()
        self._settings = settings or SimulationSettings()
        self._max_file_bytes = max_file_bytes
        self._dice = dice or random.Random()

    async def probe(self) -> Probe:
        self._refuse_if_down()
        gpus = (self._gpu(),) if self._settings.gpu_memory_gb else ()
        return Probe(version="simulated", models=self.models, loaded=self._loaded, gpus=gpus, queue_length=self.running)

    def _gpu(self) -> Gpu:
        """Each loaded model fills a quarter."""
        total = int(self._settings.gpu_memory_gb * 1e9)
        return Gpu(total, total - total * len(self._loaded) // (KEPT_MODELS + 1))

    async def sweep(self, owned: frozenset[str]) -> int:
        """Nothing outlives the worker."""
        return 0

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        self._refuse_if_down()
        plan = self._plan(assignment.payload)
        self.running += 1
        self._loaded = tuple(dict.fromkeys((*assignment.models, *self._loaded)))[:KEPT_MODELS]
        try:
            return await self._do(plan, assignment, context)
        finally:
            self.running -= 1

    def _refuse_if_down(self) -> None:
        if not self.up:
            raise ServiceDown("it was told to be down")

    async def _do(self, plan: SimulationSettings, assignment: Assignment, context: JobContext) -> Result:
        dice = self._dice if plan.seed is None else random.Random(f"{plan.seed}:{assignment.attempt}")
        failing = plan.failure_rate > 0 and dice.random() < plan.failure_rate
        failing_step = dice.randint(1, plan.steps) if failing else None
        for step in range(1, plan.steps + 1):
            await _step(plan, step, context)
            if step == failing_step:
                raise JobFailed(Failure(message=f"simulated failure at step {step}", code="simulated"))
        if plan.fail is not None:
            raise JobFailed(_failure(plan, plan.fail))
        artifacts = [await self._output(plan, context, dice, number) for number in range(plan.outputs)]
        return Result(data={"steps": plan.steps, "echo": assignment.payload}, artifacts=tuple(artifacts))

    def _plan(self, payload: Mapping[str, Any]) -> SimulationSettings:
        known = {name: value for name, value in payload.items() if name in SimulationSettings.model_fields}
        if not known:
            return self._settings
        try:
            return SimulationSettings.model_validate({**self._settings.model_dump(), **known})
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise JobFailed(Failure(message=f"bad payload: {problems}", retryable=False, code="validation")) from error

    async def _output(
        self, plan: SimulationSettings, context: JobContext, dice: random.Random, number: int
    ) -> Artifact:
        if plan.size > self._max_file_bytes:
            message = f"a file of {plan.size} bytes is over the limit of {self._max_file_bytes}"
            raise JobFailed(Failure(message=message, retryable=False, code="too_large"))
        return await context.upload(f"output_{number:03}.bin", _bytes(dice, plan.size), "application/octet-stream")


async def _step(plan: SimulationSettings, step: int, context: JobContext) -> None:
    if step == 1 and plan.hog:
        hold_the_interpreter(plan.hog)
    if step == plan.crash:
        os.kill(os.getpid(), signal.SIGKILL)
    if step == plan.hang:
        await context.cancelled.wait()
    await _pause(plan, plan.duration / plan.steps, context)
    context.progress(100 * step / plan.steps, f"step {step} of {plan.steps}")
    if plan.previews and step % max(1, plan.steps // plan.previews) == 0:
        context.preview(_picture(step), "image/x-portable-pixmap")


async def _pause(plan: SimulationSettings, seconds: float, context: JobContext) -> None:
    if context.cancelled.is_set() and not plan.deaf:
        raise Interrupted
    if seconds <= 0:
        return
    if plan.deaf:
        await asyncio.sleep(seconds)
        return
    left = context.time_left()
    try:
        async with asyncio.timeout(min(seconds, left)):
            await context.cancelled.wait()
    except TimeoutError:
        if left < seconds:
            raise JobFailed(Failure(message="the attempt's time is over", code="timeout")) from None
        return
    raise Interrupted


def hold_the_interpreter(seconds: float) -> None:
    """Block the whole process, its other threads too, as a library that never lets go of the interpreter does."""
    ctypes.PyDLL(None).poll(None, 0, int(seconds * 1000))


def _failure(plan: SimulationSettings, code: str) -> Failure:
    return Failure(message=f"told to fail: {code}", code=code, blame=plan.blame, retryable=not plan.permanent)


async def _bytes(dice: random.Random, size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 1 << 20):
        yield dice.randbytes(min(1 << 20, size - start))


def _picture(step: int) -> bytes:
    """A 2 by 2 picture that gets lighter."""
    return b"P6 2 2 255\n" + bytes([min(255, step * 5)] * 12)


def build(build: Build, settings: SimulationSettings) -> Simulation:
    """Build it for a worker."""
    return Simulation(settings, concurrency=build.slots)
