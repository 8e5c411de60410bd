"""The simulated fleet: real agents that do real work on services that are not there."""

import asyncio
from collections import Counter

import pytest

from daemons.simulation.fleet import MOCK_ENVIRONMENT, Machine, Pace, SimulatedFleet
from daemons.simulation.load import broken_job, impossible_job, mixed_jobs
from daemons.worker.agent import agent as agents
from emp_core.artifacts import open_artifacts
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.states import TERMINAL, JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import EmpError, Refused
from emp_core.store import Store
from tests.support.agents import until
from tests.support.builders import register, submit
from tests.support.waiting import PATIENCE_SECONDS, wait_until

QUICK = Pace(step_seconds=0.0, node_seconds=0.0, failure_rate=0.0)
SLOW = Pace(step_seconds=60.0)

SMALL = Machine(name="small", workers=2, gpu_model="RTX 3060", gpu_memory_gb=12, ram_gb=32, rate_per_hour=0.1)
LARGE = Machine(name="large", workers=1, gpu_model="A100", gpu_memory_gb=80, ram_gb=256, rate_per_hour=1.9)


@pytest.fixture(autouse=True)
def _time_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left where every worker had the time to say that it goes."""
    monkeypatch.setattr(agents, "LEAVE_SECONDS", PATIENCE_SECONDS)


def make_fleet(store: Store, *machines: Machine, pace: Pace = QUICK, seed: int = 0) -> SimulatedFleet:
    return SimulatedFleet(store, open_artifacts("memory://"), machines or (SMALL, LARGE), pace=pace, seed=seed)


async def ended(store: Store, jobs: list[str]) -> list[Job]:
    async def all_over() -> list[Job]:
        found = await store.inspector.jobs_by_id(jobs)
        return found if all(job.state in TERMINAL for job in found) else []

    return await wait_until(all_over, "the end of all jobs")


async def test_the_mock_environment_has_five_machines_and_twelve_workers(store: Store) -> None:
    async with make_fleet(store, *MOCK_ENVIRONMENT) as fleet:
        workers = await store.inspector.workers()
        assert {worker.id for worker in workers} == set(fleet.agents) == set(fleet.services)
        assert Counter(worker.machine for worker in workers) == {"gpu1": 4, "gpu2": 4, "gpu3": 1, "gpu4": 1, "gpu5": 2}
        assert len({worker.capabilities.gpu_memory_gb for worker in workers}) >= 4
        assert {worker.state for worker in workers} == {WorkerState.READY}
        assert {tuple(worker.services.items()) for worker in workers} == {(("comfyui", "up"), ("simulation", "up"))}
    assert await store.inspector.workers() == []


async def test_mixed_jobs_are_done_with_files_and_by_machines_that_are_large_enough(store: Store) -> None:
    async with make_fleet(store):
        requests = [JobRequest.parse(body) for body in mixed_jobs(30, seed=4)]
        answers = await store.broker.submit_many(requests)
        jobs = await ended(store, [answer.id for answer in answers if not isinstance(answer, EmpError)])
        assert [job.state for job in jobs] == [JobState.COMPLETED] * 30
        for job in jobs:
            outcome = await store.inspector.outcome(job.id)
            assert outcome["artifacts"], job.service
            if (job.requirements.gpu_memory_gb or 0) > 12:
                assert job.worker == "large:0"


async def test_what_nobody_can_do_waits_and_what_is_broken_fails(store: Store) -> None:
    async with make_fleet(store):
        waiting = (await store.broker.submit(JobRequest.parse(impossible_job()))).id
        broken = (await store.broker.submit(JobRequest.parse(broken_job()))).id
        assert (await until(store, broken, JobState.FAILED)).code == "permanent"
        assert (await store.inspector.job(waiting)).unworkable


async def test_failures_come_as_often_as_told(store: Store) -> None:
    pace = Pace(step_seconds=0.0, node_seconds=0.0, failure_rate=0.3)
    async with make_fleet(store, pace=pace, seed=2):
        jobs = [await submit(store, service="simulation", payload={}, max_failures=1) for _ in range(60)]
        states = Counter(job.state for job in await ended(store, jobs))
        assert states[JobState.COMPLETED] > states[JobState.FAILED] > 5


async def test_a_service_that_crashes_is_left_alone_until_it_is_back(store: Store) -> None:
    async with make_fleet(store, LARGE) as fleet:
        server = fleet.services["large:0"]
        await server.crash()
        job = (await store.broker.submit(JobRequest.parse(mixed_jobs(3, seed=1)[0]))).id
        state = fleet.agents["large:0"].board.states["comfyui"]
        await wait_until(lambda: not state.up, "it is noticed")
        await server.start()
        await fleet.agents["large:0"].board.probe("comfyui")
        (found,) = await ended(store, [job])
        assert found.state is JobState.COMPLETED


async def test_a_fleet_that_stops_gives_back_what_does_not_end(store: Store) -> None:
    files = open_artifacts("memory://")
    async with SimulatedFleet(store, files, (LARGE,), pace=SLOW, stop_seconds=0.05):
        job = await submit(store, service="simulation", payload={})
        await until(store, job, JobState.ACTIVE)
    assert (await store.inspector.job(job)).state is JobState.PENDING
    assert await store.inspector.workers() == []


async def test_a_worker_that_is_taken_is_told_on_entry(store: Store) -> None:
    await register(store, "large:0", boot="other")
    with pytest.raises(Refused):
        async with make_fleet(store):
            raise AssertionError("it was not there")
    assert [worker.id for worker in await store.inspector.workers()] == ["large:0"]


async def test_an_agent_that_fails_later_is_told_on_exit_and_the_others_go_on(store: Store) -> None:
    fleet = await make_fleet(store).__aenter__()
    await register(store, "large:0", boot="other", dead_boot=fleet.agents["large:0"].options.boot, machine="large")
    fleet.agents["large:0"].wake()
    await wait_until(lambda: "large:0" not in {task.get_name() for task in asyncio.all_tasks()}, "one has failed")
    job = await submit(store, service="simulation", payload={}, requirements={"gpu_memory_gb": 8})
    await until(store, job, JobState.COMPLETED)
    with pytest.raises(Refused):
        await fleet.__aexit__(None, None, None)


async def test_an_error_of_the_body_is_not_hidden(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with make_fleet(store, LARGE):
            raise ZeroDivisionError
    assert await store.inspector.workers() == []


async def test_ctrl_c_stops_it(store: Store) -> None:
    entered = asyncio.Event()

    async def body() -> None:
        async with make_fleet(store, LARGE):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(body())
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await store.inspector.workers() == []
