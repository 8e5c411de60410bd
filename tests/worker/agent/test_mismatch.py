"""Workers whose ComfyUI lacks what jobs need: the jobs run elsewhere, and a misspelt model fences nobody."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from daemons.simulation.comfyui import Options, SimulatedComfyUI
from daemons.worker.connectors.comfyui import ComfyUI, ComfyUISettings
from emp_core.clock import SystemClock
from emp_core.domain.job import Job
from emp_core.domain.states import TERMINAL, JobState
from emp_core.store import Store
from tests.support.agents import working
from tests.support.builders import submit
from tests.support.comfyui import QUICK, Graph, txt2img
from tests.support.waiting import wait_until

HAS = ("v1-5-pruned-emaonly.safetensors",)


@asynccontextmanager
async def fleet(store: Store, *checkpoints: Sequence[str]) -> AsyncIterator[None]:
    """A worker with a ComfyUI of its own for each list of checkpoints; all of them offer every model."""
    async with AsyncExitStack() as stack:
        for number, names in enumerate(checkpoints):
            server = await stack.enter_async_context(SimulatedComfyUI(Options(models={"checkpoints": tuple(names)})))
            name, settings = f"gpu{number}:0", ComfyUISettings(url=server.url, **QUICK)
            connector = ComfyUI(settings, worker_id=name, clock=SystemClock(), new_uuid=uuid.uuid4)
            await stack.enter_async_context(
                working(store, connector, worker_id=name, all_models=frozenset({"comfyui"}))
            )
        yield


async def ended(store: Store, jobs: Sequence[str]) -> list[Job]:
    found: list[Job] = []

    async def all_have() -> bool:
        found[:] = await store.inspector.jobs_by_id(jobs)
        return all(job.state in TERMINAL for job in found)

    await wait_until(all_have, "the end of all jobs")
    return found


async def states(store: Store) -> list[str]:
    return [worker.state.value for worker in await store.inspector.workers()]


def misspelt(seed: int) -> Graph:
    graph = txt2img(seed=seed)
    graph["4"]["inputs"]["ckpt_name"] = "misspelt.safetensors"
    return graph


async def test_jobs_that_one_worker_lacks_the_model_for_all_complete_elsewhere(store: Store) -> None:
    async with fleet(store, (), HAS):
        customers = ("acme", "b", "c") * 3
        jobs = [
            await submit(store, payload={"workflow": txt2img(seed=seed)}, customer_id=customer)
            for seed, customer in enumerate(customers)
        ]
        assert {job.state for job in await ended(store, jobs)} == {JobState.COMPLETED}
        assert (await states(store))[1] == "ready"
        refused = [await store.inspector.attempts(job) for job in jobs]
        assert {attempt.worker for attempts in refused for attempt in attempts} <= {"gpu0:0"}


async def test_three_jobs_of_two_customers_that_name_a_misspelt_model_fence_nobody(store: Store) -> None:
    async with fleet(store, HAS, HAS, HAS):
        good = [await submit(store, payload={"workflow": txt2img(seed=seed)}) for seed in range(3)]
        assert {job.state for job in await ended(store, good)} == {JobState.COMPLETED}
        bad = [
            await submit(store, payload={"workflow": misspelt(seed)}, customer_id=customer, priority=seed)
            for seed, customer in enumerate(("acme", "b", "acme"))
        ]
        for job in await ended(store, bad):
            assert (job.state, job.code, job.attempt) == (JobState.FAILED, "permanent", 3)
            failure = await store.inspector.outcome(job.id)
            assert sorted(failure["detail"]) == ["gpu0:0", "gpu1:0", "gpu2:0"]
        assert await states(store) == ["ready"] * 3
        later = await submit(store, payload={"workflow": txt2img(seed=9)})
        assert [job.state for job in await ended(store, [later])] == [JobState.COMPLETED]
