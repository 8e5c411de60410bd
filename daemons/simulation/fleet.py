"""A fleet that is not there: the real agents, in one process, over simulated services."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from daemons.simulation.comfyui.faults import Fault, Faults
from daemons.simulation.comfyui.options import Options
from daemons.simulation.comfyui.server import SimulatedComfyUI
from daemons.worker.agent.agent import Agent
from daemons.worker.agent.options import AgentOptions
from daemons.worker.beat.heart import TaskHeart
from daemons.worker.connector import Connector
from daemons.worker.connectors.comfyui import ComfyUI, ComfyUISettings
from daemons.worker.connectors.simulation import Simulation, SimulationSettings
from emp_core.artifacts import ArtifactStore
from emp_core.clock import SystemClock
from emp_core.domain.capabilities import Capabilities
from emp_core.ids import new_job_id
from emp_core.store import Store

STOP_SECONDS = 5.0
"""How long a fleet that stops waits for its jobs before it gives them back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Workers that share a host; each has a GPU and a ComfyUI of its own."""

    name: str
    workers: int
    gpu_model: str
    gpu_memory_gb: int
    ram_gb: int
    rate_per_hour: float


MOCK_ENVIRONMENT: tuple[Machine, ...] = (
    Machine(name="gpu1", workers=4, gpu_model="RTX 3090", gpu_memory_gb=24, ram_gb=128, rate_per_hour=0.35),
    Machine(name="gpu2", workers=4, gpu_model="RTX 4090", gpu_memory_gb=24, ram_gb=256, rate_per_hour=0.55),
    Machine(name="gpu3", workers=1, gpu_model="A100", gpu_memory_gb=80, ram_gb=512, rate_per_hour=1.9),
    Machine(name="gpu4", workers=1, gpu_model="RTX 3060", gpu_memory_gb=12, ram_gb=64, rate_per_hour=0.12),
    Machine(name="gpu5", workers=2, gpu_model="L40S", gpu_memory_gb=48, ram_gb=256, rate_per_hour=1.1),
)
"""Five machines and twelve workers, some of them large, some cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast simulated work goes, and how often it fails."""

    step_seconds: float = 0.1
    node_seconds: float = 0.05
    failure_rate: float = 0.02
    """Chance that a node, or a simulated job, fails."""


class SimulatedFleet:
    """`async with SimulatedFleet(store, artifacts) as fleet`: registered on entry, gone on exit.

    Enter and leave it in the same task. An agent that fails does so alone, and is raised on exit.
    """

    def __init__(
        self,
        store: Store,
        artifacts: ArtifactStore,
        machines: Sequence[Machine] = MOCK_ENVIRONMENT,
        *,
        pace: Pace | None = None,
        seed: int = 0,
        lease_ms: int = 30_000,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._machines = machines
        self._pace = pace or Pace()
        self._seed = seed
        self._lease_ms = lease_ms
        self._stop_seconds = stop_seconds
        self._stack = AsyncExitStack()
        self._running: list[asyncio.Task[None]] = []
        self.agents: dict[str, Agent] = {}
        """Worker id -> agent."""

        self.services: dict[str, SimulatedComfyUI] = {}
        """Worker id -> its ComfyUI, which can be told to crash."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for machine in self._machines:
                for index in range(machine.workers):
                    await self._add(stack, machine, f"{machine.name}:{index}")
            self._running = [asyncio.create_task(agent.run(), name=name) for name, agent in self.agents.items()]
            stack.push_async_callback(self._stop)
            for agent, task in zip(self.agents.values(), self._running, strict=True):
                await _ready(agent, task)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        for task in self._running:
            if error is None and not task.cancelled():
                await task

    async def _add(self, stack: AsyncExitStack, machine: Machine, worker_id: str) -> None:
        pace = self._pace
        options = Options(
            step_seconds=pace.step_seconds,
            node_seconds=pace.node_seconds,
            memory_bytes=machine.gpu_memory_gb * 10**9,
            gpu=machine.gpu_model,
        )
        faults = Faults(rates={Fault.ERROR: pace.failure_rate})
        server = SimulatedComfyUI(options, faults, seed=self._seed + len(self.services))
        self.services[worker_id] = await stack.enter_async_context(server)
        self.agents[worker_id] = self._agent(machine, worker_id, server.url)

    def _agent(self, machine: Machine, worker_id: str, url: str) -> Agent:
        clock, broker = SystemClock(), self._store.broker
        work = SimulationSettings(duration=10 * self._pace.step_seconds, failure_rate=self._pace.failure_rate)
        connectors: list[Connector] = [
            ComfyUI(ComfyUISettings(url=url), worker_id=worker_id, clock=clock),
            Simulation(work, concurrency=1, dice=random.Random(f"{self._seed} {worker_id}")),
        ]
        options = AgentOptions(
            worker_id=worker_id,
            machine=machine.name,
            boot=new_job_id(),
            capabilities=_capabilities(machine),
            lease_ms=self._lease_ms,
            info={"simulated": True},
        )
        return Agent(
            self._store, connectors, self._artifacts, clock, options, lambda hear: TaskHeart(broker, clock, hear)
        )

    async def _stop(self) -> None:
        for agent in self.agents.values():
            agent.drain("the fleet is stopping")
        _, left = await asyncio.wait(self._running, timeout=self._stop_seconds)
        if left:
            await asyncio.gather(*(agent.give_back() for agent in self.agents.values()))
            _, left = await asyncio.wait(left, timeout=self._stop_seconds)
        for task in left:
            task.cancel()
        await asyncio.wait(self._running)


async def _ready(agent: Agent, task: asyncio.Task[None]) -> None:
    """Until it has asked for work once. Raises what it fails with."""
    ready = asyncio.ensure_future(agent.ready.wait())
    try:
        await asyncio.wait({cast(Any, ready), task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
    if not agent.ready.is_set():
        await task


def _capabilities(machine: Machine) -> Capabilities:
    return Capabilities.parse(
        {
            "services": ["comfyui", "simulation"],
            "gpu_count": 1,
            "gpu_memory_gb": machine.gpu_memory_gb,
            "gpu_model": machine.gpu_model,
            "cpu_cores": 8,
            "ram_gb": machine.ram_gb,
            "disk_gb": 1_000,
            "rate_per_hour": machine.rate_per_hour,
        }
    )
