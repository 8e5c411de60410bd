"""drop_classes: a class without jobs is forgotten after a while, whole."""

from emp_core.store import Store
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import age

EMPTY_MS = 300_000


async def _emptied(store: Store, look: Look, **changes: object) -> str:
    """A class whose last job was deleted long ago."""
    job = await submit(store, **changes)
    name = look().job(job)["class"]
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    await age(store, "classes.empty", name, EMPTY_MS + 1)
    return name


async def test_an_empty_class_leaves_nothing_behind(store: Store, look: Look) -> None:
    await register(store)
    name = await _emptied(store, look, customer_id="acme")
    assert await store.upkeep.drop_classes() == 1
    assert [key for key in look().entries if name in key] == []
    assert "customer.classes:acme" not in look().entries
    assert look().scores("classes") == look().scores("improved") == {}


async def test_not_before_its_time(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    assert await store.upkeep.drop_classes() == 0
    assert len(look().scores("classes")) == 1


async def test_a_class_that_has_jobs_again_stays(store: Store, look: Look) -> None:
    await register(store)
    name = await _emptied(store, look)
    job = await submit(store)
    assert look().job(job)["class"] == name
    assert await store.upkeep.drop_classes() == 0
    assert look().scores("classes.empty") == {}


async def test_a_class_that_comes_back_says_truly_whether_it_is_workable(store: Store, look: Look) -> None:
    await register(store)
    await _emptied(store, look, requirements={"gpu_memory_gb": 80})
    again = await store.broker.submit(make_request(requirements={"gpu_memory_gb": 80}))
    assert not again.workable


async def test_a_class_that_comes_back_after_it_was_dropped_is_judged_anew(store: Store, look: Look) -> None:
    worker = await register(store)
    await _emptied(store, look)
    await store.upkeep.drop_classes()
    job = await submit(store)
    assert (await worker.take()).job_id == job


async def test_a_class_that_was_parked_is_parked_no_more(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme")
    name = look().job(job)["class"]
    await store.broker.set_limit("customer:acme", 0)
    assert await worker.claim() is None
    assert look().members("parked") == {name}
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    await age(store, "classes.empty", name, EMPTY_MS + 1)
    await store.upkeep.drop_classes()
    assert look().members("parked") == look().members("parked:customer:acme") == set()
