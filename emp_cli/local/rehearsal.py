"""A queue to try the dashboard on: a simulated fleet works on it, and jobs keep coming."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from daemons.logs import configure_logs
from daemons.simulation.fleet import Pace, SimulatedFleet
from daemons.simulation.load import broken_job, impossible_job, mixed_jobs
from emp_cli.local.own_queue import own_queue
from emp_core.artifacts import open_artifacts
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location, local_files
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.domain.caller import Caller
from emp_core.store import open_store
from emp_core.store.connection import DEFAULT_PREFIX

PACE = Pace(step_seconds=0.4, node_seconds=0.2, failure_rate=0.01)

BUSY = 40
"""Jobs that wait while the fleet works: it is given more when there are fewer."""

AT_ONCE = 20
LOOK_SECONDS = 2.0

STOP_SECONDS = 0.2
"""How long the fleet waits for its jobs at the end: the queue that they are of is removed with it."""


@asynccontextmanager
async def rehearsal(caller: Caller) -> AsyncIterator[tuple[RedisQueue, Location]]:
    """The queue, and its location. The server, the fleet and their files are removed at the end."""
    configure_logs("CRITICAL", "console")  # a log line would be written across the dashboard
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emp-demo-")))
        server = await stack.enter_async_context(own_queue(directory))
        files = local_files(directory)
        place = Location(url=server.url, prefix=DEFAULT_PREFIX, source="the demo", artifacts=files, context="demo")
        queue = await open_queue(place, caller)
        stack.push_async_callback(queue.close)
        fleet = asyncio.create_task(_work(place, files))
        stack.push_async_callback(_end, fleet)
        yield queue, place


async def _end(fleet: "asyncio.Task[None]") -> None:
    fleet.cancel()
    with suppress(asyncio.CancelledError):
        await fleet


async def _work(place: Location, files: str) -> None:
    """Run the fleet and give it jobs, until cancelled."""
    store = await open_store(place.url)
    artifacts = open_artifacts(files, store.files_id)
    try:
        emp = AsyncEmp(await open_queue(place), place)
        async with emp, SimulatedFleet(store, artifacts, pace=PACE, stop_seconds=STOP_SECONDS):
            await emp.submit_many([impossible_job(), broken_job()])
            seed = 0
            while True:
                if (await emp.summary()).jobs["pending"] < BUSY:
                    seed += 1
                    await emp.submit_many(mixed_jobs(AT_ONCE, seed=seed))
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        await artifacts.aclose()
        await store.close()
