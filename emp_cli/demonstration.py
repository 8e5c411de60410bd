"""What `emp demo` does: a queue, a hub and a fleet come up, work through some jobs before your eyes, and go."""

import asyncio
import contextlib
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from daemons.hub.settings import HubSettings
from daemons.logs import configure_logs
from daemons.simulation.fleet import Pace, SimulatedFleet
from daemons.simulation.load import broken_job, impossible_job, mixed_jobs
from emp_cli.hub_process import free_port
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS, WORKERS
from emp_cli.output.details import write_facts
from emp_cli.output.explanation import write_explanation
from emp_cli.output.units import duration
from emp_core import embedded
from emp_core.artifacts import open_artifacts
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location, local_files
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker
from emp_core.environment import names_of
from emp_core.errors import EmpError
from emp_core.store import JobFilter, Summary, open_store

if TYPE_CHECKING:
    from rich.console import RenderableType

JOBS_SHOWN = 12
DRAW_SECONDS = 0.25
TELL_SECONDS = 2.0
LIMIT_SECONDS = 60.0
"""A demonstration that is not done by then says so and ends."""

WAITING = (JobState.PENDING, JobState.DELAYED, JobState.ACTIVE, JobState.CANCELLING, JobState.BLOCKED)


class Demonstration:
    """One run of it."""

    def __init__(self, *, fast: bool, seed: int) -> None:
        self._count = 30 if fast else 60
        self._pace = Pace(step_seconds=0.05 if fast else 0.25, node_seconds=0.02 if fast else 0.1, failure_rate=0.0)
        self._seed = seed
        self._ids: list[str] = []
        self._impossible = ""

    async def run(self) -> None:
        """From nothing to nothing."""
        configure_logs("WARNING", "console")
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emp-demo-")))
            emp = await self._start(stack, directory)
            began = asyncio.get_running_loop().time()
            await self._submit(emp)
            try:
                await self._show(emp)
            except asyncio.CancelledError:
                terminal.note("stopping what was started")
                raise
            await self._sum_up(emp, asyncio.get_running_loop().time() - began)
        terminal.note("fleet, hub and queue are stopped; nothing is left behind")
        terminal.note("now for real: emp hub start, emp worker start --services comfyui, emp submit --workflow FILE")

    async def _start(self, stack: AsyncExitStack, directory: Path) -> AsyncEmp:
        server = await asyncio.to_thread(embedded.start, directory)
        stack.callback(embedded.stop, server)
        terminal.note(f"queue: an embedded {server.engine} {server.version}")
        port = free_port("127.0.0.1")
        await stack.enter_async_context(_hub(directory, server.url, port))
        terminal.note(f"hub:   http://127.0.0.1:{port}")
        store = await open_store(server.url)
        stack.push_async_callback(store.close)
        files = open_artifacts(local_files(directory))
        stack.push_async_callback(files.aclose)
        fleet = await stack.enter_async_context(SimulatedFleet(store, files, pace=self._pace, seed=self._seed))
        terminal.note(f"fleet: {len(fleet.agents)} workers on 5 machines, each with a GPU that is not there")
        place = Location(
            url=server.url, prefix=store.link.prefix, source="the demonstration", artifacts=local_files(directory)
        )
        return await stack.enter_async_context(AsyncEmp(await open_store(server.url), place))

    async def _submit(self, emp: AsyncEmp) -> None:
        bodies = [*mixed_jobs(self._count, seed=self._seed), broken_job(), impossible_job()]
        for answer in await emp.submit_many(bodies):
            if isinstance(answer, EmpError):
                raise answer
            self._ids.append(answer.id)
        self._impossible = self._ids[-1]
        first = await emp.submit({"service": "simulation", "payload": {"duration": 600}, "priority": 95})
        after = {"service": "simulation", "customer_id": bodies[0]["customer_id"], "depends_on": [self._ids[0]]}
        self._ids += [first.id, (await emp.submit(after)).id]
        terminal.note(
            f"jobs:  {len(self._ids)} of three customers; one that nobody can do, one that will be cancelled\n"
        )

    async def _show(self, emp: AsyncEmp) -> None:
        """Draw, or tell, how it goes until only the impossible job is left."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + LIMIT_SECONDS
        cancel_at = loop.time() + 2.0
        async with _screen() as draw:
            while loop.time() < give_up_at:
                summary = await emp.summary()
                await draw(emp, summary)
                if sum(summary.jobs[state] for state in WAITING) <= 1:
                    return
                if loop.time() >= cancel_at:
                    cancel_at = float("inf")
                    await emp.cancel(self._ids[-2])
                await asyncio.sleep(DRAW_SECONDS)
        terminal.warn(f"not done after {LIMIT_SECONDS:g} s")

    async def _sum_up(self, emp: AsyncEmp, seconds: float) -> None:
        jobs = await emp.jobs_by_id(self._ids)
        terminal.headline(f"{len(jobs)} jobs in {seconds:.1f} s", "green")
        write_facts(_facts(jobs))
        terminal.data("")
        write_explanation(await emp.explain(self._impossible))


def _facts(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    states = Counter(job.state for job in jobs)
    done = [job for job in jobs if job.state is JobState.COMPLETED and job.started_at and job.ended_at]
    waits = [(job.started_at or 0) - job.created_at for job in done]
    runs = [(job.ended_at or 0) - (job.claimed_at or 0) for job in done]
    shares = Counter((job.worker or "").partition(":")[0] for job in done)
    return [
        ("ended", ", ".join(f"{count} {state}" for state, count in sorted(states.items(), key=lambda item: -item[1]))),
        ("waited", _spread(waits)),
        ("ran", _spread(runs)),
        ("done by", ", ".join(f"{machine} {count}" for machine, count in sorted(shares.items()))),
    ]


def _spread(times_ms: Sequence[int]) -> str:
    if len(times_ms) < 2:
        return "-"
    cuts = quantiles(times_ms, n=20)
    return f"half of them up to {duration(cuts[9] / 1000)}, 95 % up to {duration(cuts[18] / 1000)}"


class _Drawing:
    """The fleet and its jobs, drawn anew in place."""

    def __init__(self) -> None:
        from rich.live import Live

        self.live = Live(console=terminal.stdout(), auto_refresh=False, transient=True, vertical_overflow="crop")

    async def __call__(self, emp: AsyncEmp, summary: Summary) -> None:
        running = await emp.jobs(JobFilter(states=(JobState.ACTIVE, JobState.CANCELLING)), limit=JOBS_SHOWN)
        self.live.update(self._picture(await emp.workers(), running.jobs, summary), refresh=True)

    def _picture(self, workers: Sequence[Worker], jobs: Sequence[Job], summary: Summary) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        fleet = formats.table(workers, WORKERS, summary.at)
        return Group(Text(_counts(summary), style="bold"), Text(), formats.table(jobs, JOBS, summary.at), Text(), fleet)


class _Telling:
    """A line now and then, where nobody sits in front of it."""

    def __init__(self) -> None:
        self._next = 0.0

    async def __call__(self, emp: AsyncEmp, summary: Summary) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._next:
            self._next = now + TELL_SECONDS
            terminal.note(_counts(summary))


@asynccontextmanager
async def _screen() -> "AsyncIterator[_Drawing | _Telling]":
    if not terminal.stdout().is_terminal:
        yield _Telling()
        return
    drawing = _Drawing()
    with drawing.live:
        yield drawing


def _counts(summary: Summary) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in summary.jobs.items() if count)
    return f"{counts}; {summary.busy_slots} of {summary.slots} workers busy"


@asynccontextmanager
async def _hub(directory: Path, url: str, port: int) -> AsyncIterator[None]:
    """A hub in a process of its own: in this one it would take Ctrl-C for itself.

    What is set for other hubs does not concern it.
    """
    command = [sys.executable, "-m", "emp_cli", "hub", "start", "--redis", url, "--port", str(port)]
    unset = [word for name in names_of(HubSettings) for word in ("-u", name)]
    with (directory / "hub.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("env", *unset, f"EMP_DATA_DIR={directory}", *command),
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
