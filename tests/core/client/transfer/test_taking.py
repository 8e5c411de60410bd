"""T23: a move between live queues, interrupted after each of its calls."""

import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from emp_core.artifacts.contract import in_chunks
from emp_core.client.redis_queue import RedisQueue
from emp_core.client.transfer.taking import Take
from emp_core.domain.states import JobState
from emp_core.errors import Conflict, EmpError, InvalidInput, NotFound
from emp_core.ids import new_nonce
from emp_core.store import Link, Store
from emp_core.store.server import SCHEMA
from tests.core.client.transfer.lines import exported, imported
from tests.core.client.transfer.test_export_import import MIXED, mixed
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look

WRITES = ("move_jobs", "import_jobs", "forget_moved", "release_moved")


class Stopped(Exception):
    """The command was killed."""


def assert_safe(source: Look, target: Look, doubled: str = "") -> None:
    """What must hold after each call, whatever the workers of both queues do next. `doubled`: two jobs have this id."""
    there = source().jobs()
    assert there.keys() & runnable(target) <= {doubled}, "the source forgets a job before the target lets it start"
    for name, job in there.items():
        parents = [parent for parent in job.get("parents", "").split() if parent in there]
        if "moving" in job:
            assert all("moving" in there[parent] for parent in parents), f"{name} moves, and may be unblocked"


@contextmanager
def killed(stop_at: int, *, before: bool = False) -> Iterator[list[str]]:
    """Ends what runs inside around its n-th write, of both queues together; the writes that were begun."""
    writes: list[str] = []
    run = Link.run

    async def counted(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        if name not in WRITES:
            return await run(link, name, *records, **arguments)
        writes.append(name)
        if before and len(writes) == stop_at:
            raise Stopped
        answer = await run(link, name, *records, **arguments)
        if len(writes) == stop_at:
            raise Stopped
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Link, "run", counted)
        yield writes


async def take(source: RedisQueue, target: RedisQueue, where: str = "") -> tuple[Take, list[tuple[str, EmpError]]]:
    refused: list[tuple[str, EmpError]] = []
    move = Take(
        source=source,
        target=target,
        place="new",
        command=new_nonce(),
        where=where,
        refuse=lambda *refusal: refused.append(refusal),
    )
    await move.run()
    return move, refused


def runnable(look: Look) -> set[str]:
    """The jobs that may start, now or when their time comes or others end."""
    return {
        name
        for name, job in look().jobs().items()
        if job["state"] in ("pending", "delayed", "blocked") and "moving" not in job
    }


async def test_t23_waiting_jobs_move_and_keep_their_places(
    queue: RedisQueue, store: Store, other: RedisQueue, look: Look, other_look: Look
) -> None:
    await mixed(store)
    before = {name: look().job(name) for name in MIXED}
    move, refused = await take(queue, other)
    assert (move.moved, move.staying, refused) == (len(MIXED), 0, [])
    assert sorted(name for name, job in look().jobs().items()) == ["ended", "runs"]
    after = other_look().jobs()
    for name in MIXED:
        kept = ("state", "score", "created", "attempt", "failures", "labels", "waits", "parents", "held", "due", "idem")
        assert {key: after[name].get(key) for key in kept} == {key: before[name].get(key) for key in kept}


CHAIN = [f"job-{number:03}" for number in range(12)]
"""One group. With `few_a_call` each step takes several calls, as with 120 jobs without it."""

LONG_CHAIN = [f"job-{number:03}" for number in range(120)]


async def chain(store: Store, names: Sequence[str] = CHAIN) -> None:
    for before, name in zip([None, *names], names, strict=False):
        await submit(store, id=name, depends_on=[before] if before else [])


async def emptied(*stores: Store) -> None:
    for store in stores:
        queue_id = await store.link.call("GET", store.link.key("queue"))
        await store.link.client.flushall()
        await store.link.client.mset({store.link.key("schema"): SCHEMA, store.link.key("queue"): queue_id})


@pytest.mark.usefixtures("few_a_call")
@pytest.mark.parametrize(("submitted", "names"), [(mixed, MIXED), (chain, CHAIN)], ids=["mixed", "chain"])
@pytest.mark.parametrize("before", [True, False], ids=["before each call", "after each call"])
async def test_t23_a_move_killed_around_each_call_finishes_when_run_again(
    before: bool,
    submitted: Callable[[Store], Awaitable[None]],
    names: Sequence[str],
    queue: RedisQueue,
    store: Store,
    other: RedisQueue,
    other_store: Store,
    look: Look,
    other_look: Look,
) -> None:
    await submitted(store)
    with killed(0) as writes:
        await take(queue, other)
    assert all(writes.count(name) > 1 for name in WRITES)
    for stop_at in range(1, len(writes) + 1):
        await emptied(store, other_store)
        await submitted(store)
        with killed(stop_at, before=before), pytest.raises(Stopped):
            await take(queue, other)
        assert_safe(look, other_look)
        assert look().jobs().keys() | other_look().jobs().keys() >= set(names), "no job is lost"
        await take(queue, other)
        assert runnable(look) == set()
        assert runnable(other_look) == set(names)
        assert "moving" not in look().entries.keys() | other_look().entries.keys()


@pytest.mark.usefixtures("few_a_call")
@pytest.mark.parametrize("before", [True, False], ids=["before each call", "after each call"])
async def test_t23_a_refused_group_killed_around_each_call_is_whole_in_the_source_when_run_again(
    before: bool,
    queue: RedisQueue,
    store: Store,
    other: RedisQueue,
    other_store: Store,
    look: Look,
    other_look: Look,
) -> None:
    async def conflict() -> None:
        await chain(store)
        await submit(other_store, id=CHAIN[-1], priority=1)

    await conflict()
    with killed(0) as writes:
        await take(queue, other)
    for stop_at in range(1, len(writes) + 1):
        await emptied(store, other_store)
        await conflict()
        with killed(stop_at, before=before), pytest.raises(Stopped):
            await take(queue, other)
        assert_safe(look, other_look, CHAIN[-1])
        await take(queue, other)
        assert runnable(look) == set(CHAIN)
        assert runnable(other_look) == {CHAIN[-1]}
    assert await (await register(store)).drain() == CHAIN


async def test_t23_killed_again_and_again_each_job_runs_exactly_once_in_order(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    worker, there = await register(store), await register(other_store)
    for number in range(40):
        parents = [f"job-{number - 1}"] if number % 4 else []
        await submit(store, id=f"job-{number}", depends_on=parents, priority=number % 3)
    ran: list[str] = []
    for stop_at in range(1, 12):
        with killed(stop_at % 5 + 1, before=stop_at % 2 == 0), suppress(Stopped):
            await take(queue, other)
        for each in (worker, there):
            if claimed := await each.claim():
                ran.append(claimed.job_id)
                await each.complete(claimed)
    await take(queue, other)
    ran += await there.drain()
    assert await worker.drain() == []
    assert sorted(ran) == sorted(f"job-{number}" for number in range(40))


async def test_t23_group_with_a_running_job_stays_until_it_has_ended(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, look: Look
) -> None:
    worker = await register(store)
    await submit(store, id="runs", priority=99)
    await submit(store, id="waits")
    await submit(store, id="child", depends_on=["runs", "waits"])
    await submit(store, id="alone")
    claim = await worker.take()
    move, _ = await take(queue, other)
    assert (move.moved, move.staying) == (1, 2)
    assert look().job("waits")["state"] == "pending"
    assert look().job("child")["state"] == "blocked"
    await worker.complete(claim)
    assert (await take(queue, other))[0].moved == 2
    assert await (await register(other_store)).drain() == ["waits", "child", "alone"]


async def test_t23_job_that_the_target_refuses_stays_with_its_group(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, look: Look, other_look: Look
) -> None:
    await submit(store, id="parent")
    await submit(store, id="child", depends_on=["parent"], priority=1)
    await submit(store, id="keyed", idempotency_key="once")
    await submit(store, id="alone")
    await submit(other_store, id="child", priority=2)
    await submit(other_store, id="mine", idempotency_key="once")
    for _ in range(2):
        move, refused = await take(queue, other)
        assert move.refused == 3
        assert dict(refused)["child"].message == "job child was submitted with another body"
        assert dict(refused)["keyed"].message == "its idempotency key is that of job mine here"
    assert runnable(look) == {"parent", "child", "keyed"}
    assert runnable(other_look) == {"child", "mine", "alone"}
    assert await (await register(store)).drain() == ["parent", "keyed", "child"]


async def test_t23_source_says_where_a_moved_job_is(queue: RedisQueue, store: Store, other: RedisQueue) -> None:
    await submit(store, id="a", customer_id="acme", idempotency_key="once")
    await take(queue, other)
    with pytest.raises(NotFound) as error:
        await queue.job("a")
    assert error.value.hint == "it was moved to new"
    (again,) = await queue.submit_many([make_request(customer_id="acme", idempotency_key="once")])
    assert (again.id, again.state) == ("a", "deleted")  # type: ignore[union-attr]
    assert [(order.verb, order.subject, order.after) for order in await queue.audit(5)] == [("move", "a", "moved")]


async def test_t23_job_moves_there_and_back(
    queue: RedisQueue, store: Store, other: RedisQueue, look: Look, other_look: Look
) -> None:
    await submit(store, id="a", idempotency_key="once")
    await submit(store, id="b", depends_on=["a"])
    await take(queue, other)
    await take(other, queue)
    assert runnable(look) == {"a", "b"}
    assert other_look().jobs() == {}
    assert await (await register(store)).drain() == ["a", "b"]


@pytest.mark.parametrize(
    "order",
    [
        lambda queue: queue.cancel("a"),
        lambda queue: queue.hold("a"),
        lambda queue: queue.unhold("a"),
        lambda queue: queue.cancel("b"),
    ],
)
async def test_t23_orders_to_a_job_on_its_way_are_refused(
    order: Callable[[RedisQueue], Awaitable[Any]], queue: RedisQueue, store: Store, other: RedisQueue
) -> None:
    await submit(store, id="a")
    await submit(store, id="b", depends_on=["a"])
    with killed(2, before=True), pytest.raises(Stopped):
        await take(queue, other)
    with pytest.raises(Conflict, match="it is moving"):
        await order(queue)
    moved = await queue.set_priority(["a", "b"], 99)
    assert [error.message for error in moved.values() if error] == [
        f"cannot move job {name}: it is moving" for name in "ab"
    ]
    (refused,) = await queue.submit_many([make_request(depends_on=["a"])])
    assert isinstance(refused, InvalidInput)
    await take(queue, other)


async def test_t23_by_filter_the_groups_of_its_jobs_go_along(
    queue: RedisQueue, store: Store, other: RedisQueue, look: Look
) -> None:
    await mixed(store)
    move, _ = await take(queue, other, "id:grandchild")
    assert move.moved == 3
    assert runnable(look) == set(MIXED) - {"first", "child", "grandchild"}


async def test_t23_jobs_that_were_imported_from_a_file_before_are_only_here_afterwards(
    queue: RedisQueue, store: Store, other: RedisQueue, look: Look, other_look: Look
) -> None:
    await mixed(store)
    await imported(other, await exported(queue))
    move, refused = await take(queue, other)
    assert (move.moved, refused) == (len(MIXED), [])
    assert runnable(look) == set()
    assert runnable(other_look) == set(MIXED)


async def test_t23_files_go_along(queue: RedisQueue, other: RedisQueue) -> None:
    picture = await queue.put_input("a", "cat.png", in_chunks(b"cat"), media_type="image/png")
    payload = {"files": {"cat.png": picture.id}, "text": "x" * 2_000_000}
    await queue.submit_many([make_request(id="a", payload=payload)])
    await take(queue, other)
    assert (await other.job("a")).state is JobState.PENDING
    assert len(await other.payload("a")) > 2_000_000
    assert [file.name for file in await other.list_files("a")] == ["cat.png"]


async def test_t23_long_chain_moves_whole(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    await chain(store, LONG_CHAIN)
    move, _ = await take(queue, other, f"id:{LONG_CHAIN[-1]}")
    assert move.moved == len(LONG_CHAIN)
    assert await (await register(other_store)).drain() == LONG_CHAIN


async def test_t23_a_queue_is_not_moved_into_itself(queue: RedisQueue) -> None:
    with pytest.raises(InvalidInput, match="is this queue itself"):
        await take(queue, queue)


async def test_t23_job_whose_files_cannot_be_read_stays(
    queue: RedisQueue, other: RedisQueue, look: Look, tmp_path: Path
) -> None:
    await queue.submit_many([make_request(id="a", payload={"text": "x" * 2_000_000}), make_request(id="b")])
    shutil.rmtree(tmp_path / "files")
    move, refused = await take(queue, other)
    assert (move.moved, move.refused) == (1, 1)
    assert [(name, error.message) for name, error in refused] == [("a", "no payload a")]
    assert runnable(look) == {"a"}
