"""take_turn: the black-hole worker is fenced; what the job itself caused never counts."""

import pytest

from emp_core.domain.outcome import Blame, Failure
from emp_core.store import Store, failed
from tests.support.builders import WorkerDriver, register, submit
from tests.support.snapshot import Look


async def _did_well(store: Store, worker: WorkerDriver, *classes: int) -> None:
    for size in classes:
        await submit(store, requirements={"gpu_memory_gb": size})
        await worker.complete(await worker.take())


async def _fail(store: Store, worker: WorkerDriver, *classes: int, blame: Blame = Blame.BACKEND) -> None:
    for size in classes:
        job = await submit(store, requirements={"gpu_memory_gb": size}, max_failures=1)
        claim = await worker.take()
        assert claim.job_id == job
        await worker.fail(claim, blame=blame)


async def _state(store: Store, worker: WorkerDriver) -> str:
    return (await store.inspector.worker(worker.id)).state.value


@pytest.mark.parametrize("blame", [Blame.WORKER, Blame.BACKEND])
async def test_r9_three_failures_of_three_classes_where_another_did_well(
    store: Store, look: Look, blame: Blame
) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 2)
    await _fail(store, bad, 1, 2, blame=blame)
    assert await _state(store, bad) == "ready"
    await _fail(store, bad, 3, blame=blame)
    assert await _state(store, bad) == "fenced"
    assert (await store.inspector.worker(bad.id)).reason == "three_failures_in_a_row"
    await submit(store)
    assert await bad.claim() is None
    assert await good.claim() is not None


async def test_the_failure_that_fences_claims_nothing_in_the_same_turn(store: Store) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    await _fail(store, bad, 1, 2)
    await submit(store, requirements={"gpu_memory_gb": 3}, max_failures=1)
    claim = await bad.take()
    await submit(store)
    turn = await bad.turn(failed(claim, Failure(message="x", blame=Blame.WORKER)), claims=1)
    assert (turn.state, turn.claimed) == ("fenced", ())


async def test_without_another_that_did_well_there_is_only_an_alarm(store: Store, look: Look) -> None:
    bad = await register(store, "bad")
    await _fail(store, bad, 1, 2, 3)
    assert await _state(store, bad) == "ready"
    assert "worker_suspect" in [entry["e"].split(" ")[0] for entry in look().log("events")]


async def test_its_own_success_is_not_anothers(store: Store) -> None:
    bad = await register(store, "bad")
    await _did_well(store, bad, 1, 2, 3)
    await _fail(store, bad, 1, 2, 3)
    assert await _state(store, bad) == "ready"


async def test_anothers_success_counts_though_its_own_came_later(store: Store) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    await _did_well(store, bad, 1)
    await _fail(store, bad, 1, 2, 3)
    assert await _state(store, bad) == "fenced"


async def test_a_success_of_more_than_an_hour_ago_does_not_count(store: Store, look: Look) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    for name in look().scores("classes"):
        await store.link.call("HSET", store.link.key(f"class:{name}"), "well", "good 1")
    await _fail(store, bad, 1, 2, 3)
    assert await _state(store, bad) == "ready"


async def test_three_failures_of_one_class_are_the_class(store: Store) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    await _fail(store, bad, 1, 1, 1, 1)
    assert await _state(store, bad) == "ready"


async def test_a_success_in_between_begins_the_row_anew(store: Store) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    await _fail(store, bad, 1, 2)
    await _did_well(store, bad, 5)
    await _fail(store, bad, 3)
    assert await _state(store, bad) == "ready"


async def test_blame_of_the_job_never_counts(store: Store, look: Look) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await _did_well(store, good, 1)
    await _fail(store, bad, 1, 2, 3, 4, blame=Blame.JOB)
    assert await _state(store, bad) == "ready"
    assert look().items(f"worker.failures:{bad.id}") == []
    await _fail(store, bad, 1, 2)
    await _fail(store, bad, 3, blame=Blame.JOB)
    assert await _state(store, bad) == "ready"


async def test_customers_are_classes_of_their_own(store: Store) -> None:
    good, bad = await register(store, "good"), await register(store, "bad")
    await submit(store, customer_id="a")
    await good.complete(await good.take())
    for customer in ("a", "b", "c"):
        await submit(store, customer_id=customer, max_failures=1)
        await bad.fail(await bad.take(), blame=Blame.BACKEND)
    assert await _state(store, bad) == "fenced"


async def test_a_fenced_worker_passes_its_tokens_on(store: Store, look: Look) -> None:
    good, bad = await register(store, "good"), await register(store, "bad", gpu_memory_gb=8)
    await _did_well(store, good, 1)
    await _fail(store, bad, 1, 2)
    await submit(store, requirements={"gpu_memory_gb": 3}, max_failures=1)
    claim = await bad.take()
    assert await bad.claim() is None
    assert await good.claim() is None
    await submit(store)
    assert await good.tokens() == []
    await bad.fail(claim, blame=Blame.WORKER)
    assert len(await good.tokens()) == 1
