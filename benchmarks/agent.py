"""How many jobs that do nothing one agent with 64 slots runs, and what each costs it in processor time."""

import asyncio
import time
from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import processor_seconds
from benchmarks.table import Row
from benchmarks.workload import submit_all
from benchmarks.yardstick import AROUND, Yardstick, in_yardsticks
from daemons.logs import configure_logs
from daemons.worker.agent.agent import Agent
from daemons.worker.agent.options import AgentOptions
from daemons.worker.beat.heart import TaskHeart
from daemons.worker.connectors.simulation import Simulation, SimulationSettings
from emp_core.artifacts import open_artifacts
from emp_core.clock import SystemClock
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.store import Store

GROUP = "agent"
SLOTS = 64
LOOK_SECONDS = 0.05


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """From its registration to its last report, with all that an agent does but its log."""
    jobs = lab.scaled(50_000)
    configure_logs("WARNING", "console")
    async with lab.queue() as store:
        await submit_all(store, [JobRequest.parse({"service": "simulation", "payload": {"n": n}}) for n in range(jobs)])
        yardstick = Yardstick()
        await yardstick.measure(store.link, AROUND)
        wall, processor, server = await _drain(store, jobs)
        await yardstick.measure(store.link, AROUND)
    name, measured = f"a job that does nothing, {SLOTS} slots", f"{jobs / wall:,.0f} jobs/s"
    yield in_yardsticks(GROUP, name, wall / jobs * 1e6, yardstick, (31, 12.5), measured=measured)
    for name, seconds in (("agent", processor), ("server", server)):
        yield in_yardsticks(GROUP, f"processor time of the {name}, a job", seconds / jobs * 1e6, yardstick)


async def _drain(store: Store, jobs: int) -> tuple[float, float, float]:
    """Seconds by the clock, of this process, of the server's."""
    agent = _agent(store)
    wall, processor, server = time.perf_counter(), time.process_time(), await processor_seconds(store.link)
    await agent.run(_end_with(agent, store, jobs))
    return time.perf_counter() - wall, time.process_time() - processor, await processor_seconds(store.link) - server


async def _end_with(agent: Agent, store: Store, jobs: int) -> None:
    while await store.link.call("ZCARD", store.link.key("jobs:completed")) < jobs:  # noqa: ASYNC110 - no one tells it
        await asyncio.sleep(LOOK_SECONDS)
    agent.drain()


def _agent(store: Store) -> Agent:
    clock = SystemClock()
    capabilities = Capabilities.parse({"services": ["simulation"]})
    return Agent(
        store,
        [Simulation(SimulationSettings(duration=0, steps=1))],
        open_artifacts("memory://"),
        clock,
        AgentOptions(worker_id="bench:0", machine="bench", boot="bench", capabilities=capabilities, slots=SLOTS),
        lambda on_answer: TaskHeart(store.broker, clock, on_answer),
    )
