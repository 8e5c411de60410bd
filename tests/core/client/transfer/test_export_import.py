"""What an export writes, an import stores."""

import json
from pathlib import Path
from typing import Any

import pytest

from emp_core.artifacts.contract import in_chunks
from emp_core.client.redis_queue import RedisQueue
from emp_core.client.transfer.exporting import Export, resume_point
from emp_core.domain.caller import Caller, Role
from emp_core.domain.json_text import dump_json
from emp_core.errors import Forbidden, InvalidInput
from emp_core.store import Store
from tests.core.client.transfer.lines import exported, imported, read
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look

LATER = 4_000_000_000_000


async def mixed(store: Store) -> None:
    """Waiting jobs of every kind."""
    worker = await register(store)
    await submit(store, id="tried", priority=99, customer_id="acme", max_failures=5)
    await worker.fail(await worker.take(), code="out_of_memory")
    await submit(store, id="runs", priority=99)
    await worker.take()
    await submit(store, id="ended")
    await store.broker.cancel("ended")
    await submit(store, id="first", labels={"batch": "42"}, idempotency_key="once", customer_id="acme")
    await submit(store, id="urgent", priority=90)
    await submit(store, id="due", run_at=LATER, deadline=LATER + 1)
    await submit(store, id="held", queue_ttl_seconds=1_000)
    await store.broker.hold("held")
    await submit(store, id="child", depends_on=["first"], customer_id="acme", on_dependency_failure="run")
    await submit(store, id="grandchild", depends_on=["child", "first"], customer_id="acme")
    await submit(store, id="step-1", workflow_id="w", priority=80)
    await submit(store, id="step-2", workflow_id="w", priority=10)


MIXED = ["tried", "first", "urgent", "due", "held", "child", "grandchild", "step-1", "step-2"]


async def test_export_has_every_waiting_job_once_and_says_how_many(queue: RedisQueue, store: Store) -> None:
    await mixed(store)
    lines = await exported(queue)
    assert sorted(read(lines)) == sorted(MIXED)
    header = json.loads(lines[0])
    assert (header["emp_export"], header["queue"], header["count"]) == (1, queue.id, len(MIXED))
    assert json.loads(lines[-1]) == {"end": True, "jobs": len(MIXED)}


async def test_import_gives_jobs_that_are_as_they_were(
    queue: RedisQueue, store: Store, other: RedisQueue, other_look: Look, look: Look
) -> None:
    await mixed(store)
    lines = await exported(queue)
    run, refused = await imported(other, lines)
    assert (run.counts.stored, run.complete, [str(e) for _, e in refused]) == (len(MIXED), True, [])
    before, after = read(lines), read(await exported(other))
    for name in MIXED:
        # The queue time runs on, and the import is a new version.
        assert after[name]["version"] == before[name]["version"] + 1
        for line in (before[name], after[name]):
            line.pop("version")
            line.pop("queue_ttl_left_seconds", None)
        assert after[name] == before[name]
    assert look().job("grandchild")["state"] == other_look().job("grandchild")["state"] == "blocked"


async def test_jobs_run_in_the_order_of_the_first_queue(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    names = [await submit(store, id=f"job-{n}", priority=50 + n % 3) for n in range(12)]
    lines = await exported(queue)
    await imported(other, [lines[0], *reversed(lines[1:-1]), lines[-1]])
    worker, there = await register(store), await register(other_store)
    assert await there.drain() == await worker.drain()
    assert len(names) == 12


async def test_import_again_stores_nothing_twice(queue: RedisQueue, store: Store, other: RedisQueue) -> None:
    await mixed(store)
    lines = await exported(queue)
    await imported(other, lines[: len(lines) // 2])
    again, _ = await imported(other, lines)
    assert again.counts.stored + again.counts.already == len(MIXED)
    third, _ = await imported(other, lines)
    assert (third.counts.stored, third.counts.already) == (0, len(MIXED))


async def test_job_that_ran_and_was_deleted_is_not_stored_again(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    job = await submit(store)
    lines = await exported(queue)
    await imported(other, lines)
    worker = await register(other_store)
    assert await worker.drain() == [job]
    await other.delete([job])
    run, refused = await imported(other, lines)
    assert (run.counts.deleted, run.counts.stored, refused) == (1, 0, [])


async def test_submit_under_an_imported_key_returns_the_imported_job(
    queue: RedisQueue, store: Store, other: RedisQueue
) -> None:
    await submit(store, id="a", idempotency_key="once")
    await imported(other, await exported(queue))
    (answer,) = await other.submit_many([make_request(idempotency_key="once")])
    assert (answer.id, answer.repeated) == ("a", True)  # type: ignore[union-attr]


async def test_children_come_after_their_parents_whatever_the_order_of_the_lines(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    await submit(store, id="job-0")
    for number in range(1, 30):
        await submit(store, id=f"job-{number}", depends_on=[f"job-{number - 1}"])
    lines = await exported(queue)
    lines[1:-1] = sorted(lines[1:-1], reverse=True)
    run, refused = await imported(other, lines)
    assert (run.counts.stored, refused) == (30, [])
    worker = await register(other_store)
    assert await worker.drain() == [f"job-{number}" for number in range(30)]


async def lines_of_an_orphan(queue: RedisQueue, store: Store) -> list[bytes]:
    await submit(store, id="parent")
    await submit(store, id="child", depends_on=["parent"])
    await submit(store, id="grandchild", depends_on=["child"])
    lines = await exported(queue)
    return [line for line in lines if b'"id":"parent"' not in line]


async def test_orphan_is_refused_with_its_line_and_what_to_do(
    queue: RedisQueue, store: Store, other: RedisQueue
) -> None:
    lines = await lines_of_an_orphan(queue, store)
    for dry_run in (True, False):
        run, refused = await imported(other, lines, dry_run=dry_run)
        said = {error.message: (lines[number - 1], error.hint) for number, error in refused}
        child, hint = said["waits_for: job child waits for job parent, which is neither here nor in the file"]
        assert b'"id":"child"' in child
        assert "--orphans hold" in hint
        assert len(said) == 2, "its child waits for a job that was not stored"
        assert run.counts.stored == 0


@pytest.mark.parametrize(
    ("orphans", "child", "grandchild"), [("hold", "delayed", "blocked"), ("fail", "failed", "failed")]
)
async def test_orphan_is_held_or_failed_if_asked(
    orphans: str, child: str, grandchild: str, queue: RedisQueue, store: Store, other: RedisQueue, other_look: Look
) -> None:
    run, _ = await imported(other, await lines_of_an_orphan(queue, store), orphans)
    assert run.counts.stored == 2
    assert other_look().job("child")["state"] == child
    assert ("held" in other_look().job("child")) is (orphans == "hold")
    assert other_look().job("grandchild")["state"] == grandchild


async def test_orphans_are_left_out_if_asked(queue: RedisQueue, store: Store, other: RedisQueue) -> None:
    run, refused = await imported(other, await lines_of_an_orphan(queue, store), "drop")
    assert (run.counts.stored, run.counts.dropped, refused) == (0, 2, [])


@pytest.mark.parametrize(("verb", "state"), [("complete", "pending"), ("cancel", "failed")])
async def test_job_whose_parent_has_ended_meanwhile_follows_that_end(
    verb: str, state: str, queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store, other_look: Look
) -> None:
    await submit(store, id="parent")
    await submit(store, id="child", depends_on=["parent"])
    lines = await exported(queue)
    await imported(other, [line for line in lines if b'"id":"child"' not in line])
    if verb == "cancel":
        await other.cancel("parent")
    else:
        await (await register(other_store)).drain()
    await imported(other, lines)
    assert other_look().job("child")["state"] == state


async def test_parent_that_completed_before_the_export_is_not_waited_for(
    queue: RedisQueue, store: Store, other: RedisQueue, other_look: Look
) -> None:
    await submit(store, id="done", priority=99)
    await submit(store, id="open")
    await submit(store, id="child", depends_on=["done", "open"])
    worker = await register(store)
    await worker.complete(await worker.take())
    lines = await exported(queue)
    assert read(lines)["child"]["waits_for"] == ["open"]
    await imported(other, lines)
    assert other_look().job("child")["state"] == "blocked"


async def test_jobs_that_wait_in_a_circle_are_refused(other: RedisQueue) -> None:
    base = {"created_at": "2026-11-30T15:00:00Z", "requirements": {"services": ["x"]}, "payload": {}}
    lines = [{"emp_export": 1}, {"id": "a", "waits_for": ["b"], **base}, {"id": "b", "waits_for": ["a"], **base}]
    run, refused = await imported(other, [dump_json(line) for line in lines])
    assert [error.message for _, error in refused] == [
        f"waits_for: job {name} waits for itself through others" for name in ("a", "b")
    ]
    assert run.counts.refused == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "the line: is not JSON"),
        (b'{"id": "x"}', "created_at: must be a time"),
        (b"[]", "the line: must be an object"),
    ],
)
async def test_wrong_line_is_told_with_its_number_and_the_others_are_stored(
    text: bytes, said: str, queue: RedisQueue, store: Store, other: RedisQueue
) -> None:
    await submit(store, id="good")
    header, line, end = await exported(queue)
    run, ((number, error),) = await imported(other, [header, text, line, end])
    assert number == 2
    assert error.message.startswith(said)
    assert run.counts.stored == 1
    assert not run.complete, "the last line counts one job"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "line 1: is not the header of an export"),
        (b'{"id": "a"}', "line 1: is not the header of an export"),
        (b'{"emp_export": 2}', "emp_export: is version 2, this emp reads 1"),
    ],
)
async def test_file_that_is_no_export_of_this_version_is_refused(header: bytes, said: str, other: RedisQueue) -> None:
    with pytest.raises(InvalidInput) as error:
        await imported(other, [header])
    assert error.value.message == said


async def test_dry_run_counts_and_stores_nothing(
    queue: RedisQueue, store: Store, other: RedisQueue, other_look: Look
) -> None:
    await mixed(store)
    run, refused = await imported(other, await exported(queue), dry_run=True)
    assert (run.counts.stored, refused) == (len(MIXED), [])
    assert other_look().jobs() == {}


async def test_job_under_an_id_that_another_request_has_is_refused(
    queue: RedisQueue, store: Store, other: RedisQueue, other_store: Store
) -> None:
    await submit(store, id="a", priority=1)
    await submit(other_store, id="a", priority=2)
    run, ((_, error),) = await imported(other, await exported(queue))
    assert error.message == "job a was submitted with another body"
    assert run.counts.refused == 1


async def test_export_by_filter_has_only_its_jobs(queue: RedisQueue, store: Store) -> None:
    await mixed(store)
    assert sorted(read(await exported(queue, "customer:acme"))) == ["child", "first", "grandchild", "tried"]


async def test_resume_goes_on_behind_the_last_whole_line(queue: RedisQueue, store: Store) -> None:
    await mixed(store)
    lines = [line + b"\n" for line in await exported(queue)]
    export = Export(queue=queue)
    known, end = resume_point([*lines[:4], lines[4][:20]], await export.header())
    assert known == set(read(lines[1:4]))
    assert end == sum(map(len, lines[:4]))
    rest = [line async for some in export.lines(known) for line in some]
    assert sorted([*known, *read(rest)]) == sorted(MIXED)
    whole, end = resume_point(lines, await export.header())
    assert (len(whole), end) == (len(MIXED), sum(map(len, lines[:-1])))


async def test_resume_of_another_export_is_refused(queue: RedisQueue, other: RedisQueue) -> None:
    lines = [line + b"\n" for line in await exported(other)]
    with pytest.raises(InvalidInput, match="an export with another queue"):
        resume_point(lines, await Export(queue=queue).header())
    with pytest.raises(InvalidInput, match="another emp_export: None"):
        resume_point([b"not one of ours\n"], await Export(queue=queue).header())


async def test_large_payload_and_input_files_are_copied(
    queue: RedisQueue, other: RedisQueue, tmp_path: Path, other_look: Look
) -> None:
    picture = await queue.put_input("a", "cat.png", in_chunks(b"cat"), media_type="image/png")
    payload: dict[str, Any] = {"files": {"cat.png": picture.id}, "text": "x" * 2_000_000}
    await queue.submit_many([make_request(id="a", payload=payload)])
    lines = await exported(queue, files_url=(tmp_path / "files").as_uri())
    assert len(lines[1]) < 2_000, "by reference"
    for _ in range(2):
        _, refused = await imported(other, lines)
        assert refused == []
    assert other_look().job("a")["state"] == "pending"
    body = json.loads(await other.payload("a"))["payload"]
    assert body["text"] == payload["text"]
    assert [file.id for file in await other.list_files("a")] == list(body["files"].values())
    chunks = [chunk async for chunk in await other.open_file(body["files"]["cat.png"])]
    assert b"".join(chunks) == b"cat"


async def test_job_whose_file_is_gone_is_refused(queue: RedisQueue, other: RedisQueue, tmp_path: Path) -> None:
    await queue.submit_many([make_request(id="a", payload={"text": "x" * 2_000_000})])
    lines = await exported(queue, files_url=(tmp_path / "nowhere").as_uri())
    run, ((number, error),) = await imported(other, lines)
    assert (number, error.message, run.counts.stored) == (2, "no payload a", 0)


@pytest.mark.parametrize(("role", "customer"), [(Role.CLIENT, None), (Role.OPERATOR, "acme")])
async def test_only_an_operator_of_all_customers_may_export_and_import(
    role: Role, customer: str | None, queue: RedisQueue
) -> None:
    limited = queue.for_caller(Caller(role=role, customer=customer, actor="bob", request_id="r2"))
    for call in (lambda: limited.export_jobs(["a"]), lambda: limited.import_jobs([])):
        with pytest.raises(Forbidden, match="move jobs between queues"):
            await call()


async def test_import_is_in_the_audit_and_the_event_says_by_whom(
    queue: RedisQueue, store: Store, other: RedisQueue
) -> None:
    await submit(store, id="a")
    await imported(other, await exported(queue))
    (order,) = await other.audit(10)
    assert (order.verb, order.subject, order.before, order.after, order.actor) == (
        *("import", "a", "none", "pending"),
        "ada@node1",
    )
    assert [(event.name, event.actor) for event in await other.events_of("a")] == [("imported", "ada@node1")]
