"""Agents in the test's own loop, woken by nothing but what wakes them: the safety net is off."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from daemons.worker.agent.agent import Agent
from daemons.worker.agent.options import AgentOptions
from daemons.worker.beat.heart import TaskHeart
from daemons.worker.beat.pulse import Answer, Held
from daemons.worker.connector import Connector
from emp_core.artifacts import ArtifactStore, open_artifacts
from emp_core.clock import Clock, SystemClock
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from emp_core.ids import new_job_id
from emp_core.store import Broker, Life, Store
from tests.support.waiting import PATIENCE_SECONDS, wait_until


class ToldHeart(TaskHeart):
    """Beats now and then by itself, and whenever the test says so."""

    def __init__(self, broker: Broker, clock: Clock, on_answer: Callable[[Answer], None]) -> None:
        super().__init__(broker, clock, on_answer)
        self._on_answer = on_answer
        self._life: Life | None = None
        self.held: dict[str, str] = {}
        """Nonce -> job, of what it beats for."""

        self.services = ""
        self.services_of_first_beat = ""

    def live(self, life: Life) -> None:
        self._life, self.services_of_first_beat = life, self.services
        super().live(life)

    def keep(self, claims: Iterable[Held], gone: Iterable[str] = ()) -> None:
        more, less = list(claims), list(gone)
        self.held = {nonce: job for nonce, job in self.held.items() if nonce not in less}
        self.held |= {claim.nonce: claim.job_id for claim in more}
        super().keep(more, less)

    def tell(self, services: str) -> None:
        self.services = services
        super().tell(services)

    async def beat(self) -> Answer:
        """One beat, heard by the agent."""
        assert self._life is not None
        answer = await self._pulse.beat(self._life)
        self._on_answer(answer)
        return answer


class TestedAgent(Agent):
    """An agent, and its heart in reach."""

    __test__ = False
    heart: ToldHeart


def make_agent(
    store: Store,
    connectors: Sequence[Connector],
    *,
    worker_id: str = "gpu1:0",
    clock: Clock | None = None,
    artifacts: ArtifactStore | None = None,
    **options: Any,
) -> TestedAgent:
    """An agent that offers the connectors' services; `options` are of `AgentOptions`, or capabilities."""
    known = {name: value for name, value in options.items() if name in AgentOptions.__slots__}
    offered = {name: value for name, value in options.items() if name not in known}
    services = [connector.service for connector in connectors]
    chosen: dict[str, Any] = {"boot": new_job_id(), "machine": "gpu1", "safety_net_seconds": 0, **known}
    capabilities = Capabilities.parse({"services": services, "gpu_memory_gb": 24, "gpu_count": 1, **offered})
    hearts: list[ToldHeart] = []

    def heart(on_answer: Callable[[Answer], None]) -> ToldHeart:
        hearts.append(ToldHeart(store.broker, SystemClock() if clock is None else clock, on_answer))
        return hearts[0]

    agent = TestedAgent(
        store,
        connectors,
        artifacts or open_artifacts("memory://"),
        clock or SystemClock(),
        AgentOptions(worker_id=worker_id, capabilities=capabilities, **chosen),
        heart,
    )
    agent.heart = hearts[0]
    return agent


@asynccontextmanager
async def running(agent: Agent, *beside: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """The agent at work; stopped at the end, with its jobs given back, where it still runs."""
    task = asyncio.ensure_future(agent.run(*beside))
    ready = asyncio.ensure_future(agent.ready.wait())
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield task
    finally:
        ready.cancel()
        await stop(agent, task)


async def stop(agent: Agent, task: asyncio.Task[None]) -> None:
    """End it politely, or at once where it does not."""
    if task.done():
        return
    agent.drain()
    await agent.give_back()
    _, late = await asyncio.wait([task], timeout=PATIENCE_SECONDS)
    assert not late, "the agent does not end"
    await task


@asynccontextmanager
async def working(store: Store, *connectors: Connector, **options: Any) -> AsyncIterator[TestedAgent]:
    """A new agent at work."""
    agent = make_agent(store, connectors, **options)
    async with running(agent):
        yield agent


async def states(store: Store, *jobs: str) -> list[JobState | None]:
    """The jobs' states, in their order."""
    return [job.state for job in await store.inspector.jobs_by_id(jobs)]


async def until(store: Store, job: str, state: JobState) -> Job:
    """The job, once it is in that state."""
    found: list[Job] = []

    async def reached() -> bool:
        found[:] = [await store.inspector.job(job)]
        return found[0].state is state

    await wait_until(reached, f"{job} {state}")
    return found[0]
