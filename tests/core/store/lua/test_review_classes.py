"""review_classes: what is workable after the fleet changed."""

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_worker, reap


async def test_a_class_is_unworkable_when_the_last_that_fits_goes(store: Store, look: Look) -> None:
    small, large = await register(store, gpu_memory_gb=8), await register(store, "gpu2:0", gpu_memory_gb=80)
    easy, hard = await submit(store), await submit(store, requirements={"gpu_memory_gb": 48})
    assert await store.upkeep.review_fleet()
    assert look().members("classes.unworkable") == set()
    await end_worker(store, large.id)
    await reap(store)
    assert await store.upkeep.review_fleet()
    found = look()
    assert found.members("classes.unworkable") == {found.job(hard)["class"]}
    assert [(await store.inspector.job(job)).unworkable for job in (easy, hard)] == [False, True]
    assert small.profile_number != large.profile_number


async def test_paused_draining_and_busy_are_not_now_not_never(store: Store, look: Look) -> None:
    worker = await register(store)
    await submit(store)
    for state in (WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED):
        await store.registry.steer(worker.id, state)
        await store.upkeep.review_fleet()
        assert look().members("classes.unworkable") == set()


async def test_a_class_is_workable_when_one_that_fits_comes(store: Store, look: Look) -> None:
    await submit(store)
    await store.upkeep.review_fleet()
    assert len(look().members("classes.unworkable")) == 1
    await register(store)
    await store.upkeep.review_fleet()
    assert look().members("classes.unworkable") == set()


async def test_an_unchanged_fleet_is_not_looked_at_again(store: Store) -> None:
    await register(store)
    assert [await store.upkeep.review_fleet() for _ in range(3)] == [True, False, False]


async def test_many_classes_are_looked_at_a_page_at_a_time(store: Store, look: Look) -> None:
    for n in range(7):
        await submit(store, requirements={"gpu_memory_gb": n + 1})
    await store.link.call("DEL", store.link.key("classes.unworkable"))
    pages, after = 0, "0"
    while after:
        after = (await store.link.run("review_classes", after=after, batch=3)).decode()
        pages += 1
    assert pages == 3
    assert len(look().members("classes.unworkable")) == 7
