"""A clock that stands still, and a connector whose every run is one of the test's lines."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from daemons.worker.connector import Assignment, Interrupted, JobContext, Probe, ServiceDown
from emp_core.domain.gpu_memory import Gpu
from emp_core.domain.outcome import Result
from tests.support.waiting import wait_until


class FrozenClock:
    """Moves when it is told to."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.at = at

    def now_ms(self) -> int:
        return int(self.at * 1000)

    def monotonic(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Run:
    """A run that goes on until the test says how it ends."""

    assignment: Assignment
    context: JobContext
    outcome: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def job_id(self) -> str:
        return self.assignment.job_id

    @property
    def is_over(self) -> bool:
        return self.outcome.done()

    def finish(self, **data: Any) -> None:
        self.outcome.set_result(Result(data=data))

    def fail(self, error: BaseException) -> None:
        self.outcome.set_exception(error)


class ScriptedConnector:
    """Keeps its runs for the test, and stops one that is told to unless it is deaf."""

    reports_progress = True

    def __init__(
        self, service: str = "comfyui", *, concurrency: int = 100, models: tuple[str, ...] | None = None
    ) -> None:
        self.service = service
        self.concurrency = concurrency
        self.models = models
        self.up = True
        self.loaded: tuple[str, ...] | None = None
        self.gpus: tuple[Gpu, ...] = ()
        self.busy = ""
        """Why a probe finds it busy."""

        self.deaf = False
        self.late_result: Result | None = None
        self.runs: list[Run] = []
        self.probes = 0
        self.sweeps = 0
        self.strays = 0
        """What a sweep finds."""

        self.closed = False

    async def probe(self) -> Probe:
        self.probes += 1
        self._refuse_if_down()
        return Probe(models=self.models, loaded=self.loaded, gpus=self.gpus, busy=self.busy)

    async def sweep(self, owned: frozenset[str]) -> int:
        self.sweeps += 1
        self._refuse_if_down()
        return self.strays

    async def close(self) -> None:
        self.closed = True

    def _refuse_if_down(self) -> None:
        if not self.up:
            raise ServiceDown("told to be down")

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        self._refuse_if_down()
        run = Run(assignment, context)
        self.runs.append(run)
        if self.deaf:
            return await run.outcome
        cancelled: asyncio.Future[Any] = asyncio.ensure_future(context.cancelled.wait())
        try:
            await asyncio.wait({cast(Any, run.outcome), cancelled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cancelled.cancel()
        if run.outcome.done():
            return run.outcome.result()
        run.outcome.cancel()
        raise Interrupted(late_result=self.late_result)

    @property
    def open_runs(self) -> list[Run]:
        """Those that go on."""
        return [run for run in self.runs if not run.is_over]

    @property
    def jobs(self) -> list[str]:
        """The jobs that were begun, in order."""
        return [run.job_id for run in self.runs]

    async def begun(self, count: int = 1) -> list[Run]:
        """Wait until so many runs were begun."""
        await wait_until(lambda: len(self.runs) >= count, f"{count} runs of {self.service}, not {len(self.runs)}")
        return self.runs

    async def next_run(self) -> Run:
        """The latest run, once there is one that goes on."""
        await wait_until(lambda: self.open_runs, f"a run of {self.service}")
        return self.open_runs[-1]
