"""What `emp demo` does: a queue, a hub and a fleet come up, work through some jobs before your eyes, and go."""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from daemons.hub.settings import HubSettings
from daemons.logs import configure_logs
from daemons.simulation.fleet import Pace, SimulatedFleet
from daemons.simulation.load import broken_job, impossible_job, mixed_jobs
from emp_cli.local.own_queue import own_queue
from emp_cli.local.signals import Signals
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS, WORKERS
from emp_cli.output.explanation import write_explanation
from emp_cli.output.facts import write_facts
from emp_cli.output.layout import Layout
from emp_core.artifacts import open_artifacts
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location, local_files
from emp_core.client.redis_queue import open_queue
from emp_core.domain.durations import duration
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.states import OPEN, JobState
from emp_core.domain.worker import Worker
from emp_core.environment import names_of
from emp_core.errors import EmpError, HubUnavailable
from emp_core.store import Summary, open_store

if TYPE_CHECKING:
    from rich.console import RenderableType

JOBS_SHOWN = 12
DRAW_SECONDS = 0.25
TELL_SECONDS = 2.0
LIMIT_SECONDS = 60.0
"""A demonstration that is not done by then says so and ends."""

HUB_SECONDS = 15.0
"""How long its hub may take to end; it lets requests go on for 10 s."""


class Demonstration:
    """One run of it."""

    def __init__(self, *, fast: bool, seed: int) -> None:
        self._count = 30 if fast else 60
        self._pace = Pace(step_seconds=0.05 if fast else 0.25, node_seconds=0.02 if fast else 0.1, failure_rate=0.0)
        self._seed = seed
        self._ids: list[str] = []
        self._impossible = ""

    async def run(self) -> int:
        """From nothing to nothing. The number of the signal that cut it short, or 0."""
        configure_logs("WARNING", "console")
        with Signals("stopping the demo") as signals:
            async with AsyncExitStack() as stack:
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emp-demo-")))
                await signals.heed(self._work(stack, directory))
        if signals.number:
            return signals.number
        terminal.note("stopped the fleet, the hub and the queue; no files remain")
        terminal.note("next: emp hub start, emp worker start --services comfyui, emp submit --graph FILE")
        return 0

    async def _work(self, stack: AsyncExitStack, directory: Path) -> None:
        emp = await self._start(stack, directory)
        began = asyncio.get_running_loop().time()
        await self._submit(emp)
        await self._show(emp)
        await self._sum_up(emp, asyncio.get_running_loop().time() - began)

    async def _start(self, stack: AsyncExitStack, directory: Path) -> AsyncEmp:
        server = await stack.enter_async_context(own_queue(directory))
        terminal.note(f"queue: an embedded {server.engine} {server.version}")
        hub_url = await stack.enter_async_context(_hub(directory, server.url))
        terminal.note(f"hub:   {hub_url}")
        store = await open_store(server.url)
        stack.push_async_callback(store.close)
        files = open_artifacts(local_files(directory), store.files_id)
        stack.push_async_callback(files.aclose)
        fleet = await stack.enter_async_context(SimulatedFleet(store, files, pace=self._pace, seed=self._seed))
        terminal.note(f"fleet: {len(fleet.agents)} simulated workers on 5 machines")
        place = Location(
            url=server.url, prefix=store.link.prefix, source="the demonstration", artifacts=local_files(directory)
        )
        return await stack.enter_async_context(AsyncEmp(await open_queue(place), place))

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
            f"jobs:  {len(self._ids)} of three customers; one that no worker can run, one that is cancelled\n"
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
                if sum(summary.jobs[state] for state in OPEN) <= 1:
                    return
                if loop.time() >= cancel_at:
                    cancel_at = float("inf")
                    await emp.cancel(self._ids[-2])
                await asyncio.sleep(DRAW_SECONDS)
        terminal.warn(f"not finished after {LIMIT_SECONDS:g} s")

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
        ("jobs", ", ".join(f"{count} {state}" for state, count in sorted(states.items(), key=lambda item: -item[1]))),
        ("waited", _spread(waits)),
        ("ran", _spread(runs)),
        ("done by", ", ".join(f"{machine} {count}" for machine, count in sorted(shares.items()))),
    ]


def _spread(times_ms: Sequence[int]) -> str:
    if len(times_ms) < 2:
        return "-"
    cuts = quantiles(times_ms, n=20)
    return f"median {duration(cuts[9] / 1000)}, 95 % within {duration(cuts[18] / 1000)}"


class _Drawing:
    """The fleet and its jobs, drawn anew in place."""

    def __init__(self) -> None:
        from rich.live import Live

        self.live = Live(console=terminal.stdout(), auto_refresh=False, transient=True, vertical_overflow="crop")

    async def __call__(self, emp: AsyncEmp, summary: Summary) -> None:
        running = await emp.jobs(Filter.of(status="active"), limit=JOBS_SHOWN)
        self.live.update(self._picture(await emp.workers(), running.jobs, summary), refresh=True)

    def _picture(self, workers: Sequence[Worker], jobs: Sequence[Job], summary: Summary) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        fleet = formats.table(workers, Layout().columns_of(WORKERS, workers, summary.at), summary.at)
        running = formats.table(jobs, Layout().columns_of(JOBS, jobs, summary.at), summary.at)
        return Group(Text(_counts(summary), style="bold"), Text(), running, Text(), fleet)


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
    if not terminal.out_is_terminal():
        yield _Telling()
        return
    drawing = _Drawing()
    with drawing.live:
        yield drawing


def _counts(summary: Summary) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in summary.jobs.items() if count)
    return f"{counts}; {summary.busy_slots} of {summary.slots} workers busy"


@asynccontextmanager
async def _hub(directory: Path, queue_url: str) -> AsyncIterator[str]:
    """The URL of a hub in a process of its own: in this one it would take Ctrl-C for itself.

    What is set for other hubs does not concern it. Raises `HubUnavailable` as soon as it ends.
    """
    unset = [word for name in names_of(HubSettings) for word in ("-u", name)]
    settings = [f"REDIS_URL={queue_url}", "HUB_PORT=0", f"EMP_DATA_DIR={directory}", "LOG_FORMAT=json"]
    process = await asyncio.create_subprocess_exec(
        *("env", *unset, *settings, sys.executable, "-m", "daemons.hub"),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(_follow(process, listening))
        try:
            yield await listening
        finally:
            following.cancel()
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(HUB_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _follow(process: asyncio.subprocess.Process, listening: asyncio.Future[str]) -> None:
    """Reads what a hub says to its end, which is too soon whenever it comes."""
    assert process.stderr is not None
    last = b"without a word"
    async for line in process.stderr:
        last = line.strip() or last
        if b'"hub.listening"' in line and not listening.done():
            listening.set_result(json.loads(line)["urls"][0])
    raise HubUnavailable(f"the demo's hub stopped: {last.decode(errors='replace')}")
