"""T23: a move that was interrupted is undone."""

import pytest

from emp_core.client.redis_queue import RedisQueue
from emp_core.client.transfer.taking import Take
from emp_core.client.transfer.undoing import Undo
from emp_core.errors import EmpError, InvalidInput
from emp_core.ids import new_nonce
from emp_core.store import Store
from tests.core.client.transfer.test_taking import CHAIN, Stopped, assert_safe, chain, emptied, killed, runnable, take
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look

pytestmark = pytest.mark.usefixtures("few_a_call")


async def undo(source: RedisQueue, target: RedisQueue, *, reachable: bool = True) -> tuple[Undo, dict[str, EmpError]]:
    refused: dict[str, EmpError] = {}
    command = new_nonce()
    move = Take(source=source, target=target, place="new", command=command, refuse=refused.__setitem__)
    done = Undo(
        source=source,
        to=target.id,
        command=command,
        refuse=refused.__setitem__,
        move=move if reachable else None,
    )
    await done.run()
    return done, refused


@pytest.mark.parametrize("before", [True, False], ids=["before each call", "after each call"])
async def test_t23_undo_of_a_move_killed_around_each_call_leaves_each_job_in_one_queue(
    before: bool,
    queue: RedisQueue,
    store: Store,
    other: RedisQueue,
    other_store: Store,
    look: Look,
    other_look: Look,
) -> None:
    await chain(store)
    with killed(0) as writes:
        await take(queue, other)
    for stop_at in range(1, len(writes) + 1):
        await emptied(store, other_store)
        await chain(store)
        with killed(stop_at, before=before), pytest.raises(Stopped):
            await take(queue, other)
        for _ in range(2):
            await undo(queue, other)
            assert_safe(look, other_look)
            assert (runnable(look), runnable(other_look)) in ((set(CHAIN), set()), (set(), set(CHAIN)))
            assert "moving" not in look().entries.keys() | other_look().entries.keys()


async def test_t23_undo_killed_around_each_call_is_finished_by_the_next(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, look: Look, other_look: Look
) -> None:
    for stop_at in range(1, 20):
        await emptied(store, other_store)
        await chain(store)
        with killed(8), pytest.raises(Stopped):
            await take(queue, other)
        try:
            with killed(stop_at):
                await undo(queue, other)
        except Stopped:
            assert_safe(look, other_look)
            await undo(queue, other)
        assert runnable(look) | runnable(other_look) == set(CHAIN)
        assert runnable(look) == set() or runnable(other_look) == set()


async def test_t23_undo_without_the_target_lets_the_jobs_run_in_their_order(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, look: Look, other_look: Look
) -> None:
    worker = await register(store)
    await chain(store)
    with killed(8), pytest.raises(Stopped):
        await take(queue, other)
    assert await worker.drain() == []
    done, refused = await undo(queue, other, reachable=False)
    assert (len(done.given_back), refused) == (len(CHAIN), {})
    assert await worker.drain() == CHAIN
    await take(queue, other)
    assert other_look().jobs() == {}


async def test_t23_no_other_job_waits_for_one_that_has_not_arrived(
    queue: RedisQueue, store: Store, other: RedisQueue, other_look: Look
) -> None:
    await submit(store, id="a")
    with killed(3, before=True), pytest.raises(Stopped):
        await take(queue, other)
    (refused,) = await other.submit_many([make_request(id="mine", depends_on=["a"])])
    assert isinstance(refused, InvalidInput)
    await undo(queue, other)
    assert other_look().jobs() == {}


async def test_t23_undo_keeps_back_a_job_that_both_queues_have(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, look: Look
) -> None:
    await submit(store, id="a")
    with killed(2, before=True), pytest.raises(Stopped):
        await take(queue, other)
    await submit(other_store, id="a")
    done, refused = await undo(queue, other)
    assert (done.given_back, done.refused) == (set(), 1)
    assert refused["a"].message == "the new queue has it too"
    assert runnable(look) == set()
