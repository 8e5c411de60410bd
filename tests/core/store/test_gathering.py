"""Submits that are made together: one call for many, each with its own answer."""

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import pytest

from emp_core.domain.policy import JOBS_A_CALL, LARGE_BODY, MAX_INLINE_PAYLOAD
from emp_core.errors import Conflict, EmpError, LimitExceeded, QueueUnavailable
from emp_core.store import Store, Submitted
from emp_core.store.connection import Link
from emp_core.store.gathering import Gathering, Said
from tests.support.builders import make_request, register
from tests.support.redis_server import Server
from tests.support.snapshot import Look


async def _calls(store: Store) -> int:
    stats = await store.link.info("commandstats")
    return int(stats.get("cmdstat_fcall", {"calls": 0})["calls"])


async def test_submits_of_one_moment_are_one_call(store: Store) -> None:
    await store.broker.submit(make_request(id="first"))
    before = await _calls(store)
    answers = await asyncio.gather(*(store.broker.submit(make_request(id=f"job-{n}")) for n in range(JOBS_A_CALL)))
    assert [answer.id for answer in answers] == [f"job-{n}" for n in range(JOBS_A_CALL)]
    assert await _calls(store) - before == 1


async def test_jobs_are_stored_in_the_order_in_which_they_were_given(store: Store) -> None:
    worker = await register(store)
    names = [f"job-{n}" for n in range(3 * JOBS_A_CALL)]
    asked = [asyncio.ensure_future(store.broker.submit(make_request(id=name))) for name in names[:10]]
    many = asyncio.ensure_future(store.broker.submit_many([make_request(id=name) for name in names[10:]]))
    await asyncio.gather(*asked, many)
    claims = [claim for _ in range(3) for claim in (await worker.turn(claims=JOBS_A_CALL)).claimed]
    assert [claim.job_id for claim in claims] == names


async def test_bad_jobs_fail_alone(store: Store, look: Look) -> None:
    await store.broker.submit(make_request(id="taken"))
    requests = [
        make_request(id="good"),
        make_request(id="taken", payload={"other": 1}),
        make_request(id="large", payload={"x": "x" * (MAX_INLINE_PAYLOAD + 1)}),
        make_request(id="child", depends_on=["nobody"]),
        make_request(id="better"),
    ]
    answers = await asyncio.gather(*(store.broker.submit(each) for each in requests), return_exceptions=True)
    told = zip(requests, answers, strict=True)
    errors = {request.id: answer for request, answer in told if isinstance(answer, EmpError)}
    assert set(errors) == {"taken", "large", "child"}
    assert isinstance(errors["large"], LimitExceeded)
    assert "nobody" in str(errors["child"])
    assert look().job("good")["state"] == look().job("better")["state"] == "pending"


@pytest.mark.damages
async def test_damaged_record_of_one_class_keeps_no_job_of_another_one_from_being_stored(
    store: Store, server: Server, look: Look
) -> None:
    await store.broker.submit(make_request(id="before"))
    (name,) = look().scores("classes")
    server.client.set(f"{{emp}}:class:{name}", "damaged")
    good = make_request(id="good", requirements={"gpu_memory_gb": 24})
    asked = [store.broker.submit(each) for each in (make_request(id="bad"), good)]
    bad, stored = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(bad, Conflict)
    assert isinstance(stored, Submitted)


def _record(name: str, size: int = 10) -> tuple[str, bytes]:
    return name, b"x" * size


class _Server:
    """Answers each call when it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.open = asyncio.Event()
        self.trouble: Exception | None = None

    async def call(self, records: Sequence[Sequence[str | bytes]]) -> Sequence[Said]:
        names = [bytes(record[0]) for record in records if isinstance(record[0], bytes)]
        self.calls.append([name.decode() for name in names])
        await self.open.wait()
        if self.trouble is not None:
            raise self.trouble
        return [[name] for name in names]


async def test_what_comes_while_a_call_is_under_way_goes_with_the_next() -> None:
    server = _Server()
    gathering = Gathering(server.call, lambda: 60.0)
    asked = gathering.add([_record("a")])
    await asyncio.sleep(0)
    for name in "bcd":
        asked += gathering.add([_record(name)])
    server.open.set()
    assert [await each for each in asked] == [[b"a"], [b"b"], [b"c"], [b"d"]]
    assert server.calls == [["a"], ["b", "c", "d"]]


async def test_large_body_goes_alone() -> None:
    server = _Server()
    server.open.set()
    gathering = Gathering(server.call, lambda: 60.0)
    asked = gathering.add([_record("a"), _record("large", LARGE_BODY + 1), _record("b"), _record("c")])
    await asyncio.gather(*asked)
    assert server.calls == [["a"], ["large"], ["b", "c"]]


async def test_text_that_cannot_be_sent_is_the_trouble_of_its_caller_only() -> None:
    server = _Server()
    server.open.set()
    gathering = Gathering(server.call, lambda: 60.0)
    (good,) = gathering.add([_record("a")])
    with pytest.raises(UnicodeEncodeError):
        gathering.add([_record("b"), _record("\ud800")])
    assert await good == [b"a"]
    assert server.calls == [["a"]]


async def test_bug_is_told_to_those_in_the_call_and_to_those_who_wait() -> None:
    bugs: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: bugs.append(context["exception"]))
    server = _Server()
    server.trouble = KeyError("a bug")
    gathering = Gathering(server.call, lambda: 60.0)
    asked = gathering.add([_record("a")])
    await asyncio.sleep(0)
    asked += gathering.add([_record("b")])
    server.open.set()
    assert await asyncio.gather(*asked, return_exceptions=True) == [server.trouble, server.trouble]
    gc.collect()
    assert bugs == [server.trouble]


async def test_cancelled_job_is_not_sent_and_the_others_are() -> None:
    server = _Server()
    gathering = Gathering(server.call, lambda: 60.0)
    under_way, dropped, kept = (gathering.add([_record(name)])[0] for name in "abc")
    dropped.cancel()
    server.open.set()
    assert [await under_way, await kept] == [[b"a"], [b"c"]]
    assert server.calls == [["a", "c"]]


async def test_jobs_that_were_sent_are_stored_though_nobody_waits_any_more(store: Store, look: Look) -> None:
    asked = asyncio.ensure_future(store.broker.submit(make_request(id="sent")))
    for _ in range(3):
        await asyncio.sleep(0)
    asked.cancel()
    await store.broker.submit(make_request(id="other"))
    assert {"sent", "other"} == {name for name in ("sent", "other") if look().fields(f"job:{name}")}


async def test_lost_answer_tells_each_caller_its_own_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object, **__: object) -> object:
        raise QueueUnavailable("redis_unavailable", "the answer is lost")

    monkeypatch.setattr(type(store.link), "run", lost)
    answers = await asyncio.gather(
        *(store.broker.submit(make_request(id=f"job-{n}")) for n in range(3)), return_exceptions=True
    )
    assert [answer.job_ids for answer in answers if isinstance(answer, QueueUnavailable)] == [
        ("job-0",), ("job-1",), ("job-2",)
    ]  # fmt: skip


async def test_call_that_fails_leaves_the_answers_of_the_one_behind_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that was sent already may be stored, so its lines must not be told that they were refused."""
    run, calls = Link.run, list[str]()

    async def refuse_the_first(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        calls.append(name)
        if calls == ["submit_jobs"]:
            raise QueueUnavailable("storage_full", "Redis is full")
        return await run(link, name, *records, **arguments)

    monkeypatch.setattr(Link, "run", refuse_the_first)
    requests = [make_request(id=f"job-{n}") for n in range(3 * JOBS_A_CALL)]
    answers = await store.broker.submit_many(requests)
    told = [answer.job_ids if isinstance(answer, QueueUnavailable) else "stored" for answer in answers]
    names = [(f"job-{n}",) for n in range(3 * JOBS_A_CALL)]
    assert told == names[:JOBS_A_CALL] + ["stored"] * JOBS_A_CALL + names[2 * JOBS_A_CALL :]


async def test_batch_of_which_no_call_is_answered_says_that_its_jobs_may_be_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["redis_unavailable", "storage_full"])

    async def fail(*_: object, **__: object) -> object:
        raise QueueUnavailable(next(codes), "no")

    monkeypatch.setattr(Link, "run", fail)
    with pytest.raises(QueueUnavailable) as caught:
        await store.broker.submit_many([make_request(id=f"job-{n}") for n in range(2 * JOBS_A_CALL)])
    assert caught.value.code == "redis_unavailable"
    assert len(caught.value.job_ids) == 2 * JOBS_A_CALL


async def test_those_who_wait_hear_of_an_outage_with_the_call_that_met_it() -> None:
    server = _Server()
    server.trouble = QueueUnavailable("redis_unavailable", "no answer")
    gathering = Gathering(server.call, lambda: 0.0)
    asked = gathering.add([_record("a")])
    await asyncio.sleep(0)
    asked += gathering.add([_record("b")])
    server.open.set()
    said = await asyncio.gather(*asked, return_exceptions=True)
    assert said == [server.trouble, server.trouble]
    assert server.calls == [["a"]]


async def test_call_that_fails_at_once_leaves_the_next_ones_their_own_try() -> None:
    server = _Server()
    server.trouble = QueueUnavailable("redis_unavailable", "reset")
    gathering = Gathering(server.call, lambda: 1_000.0)
    asked = gathering.add([_record("a")])
    await asyncio.sleep(0)
    asked += gathering.add([_record("b")])
    server.open.set()
    await asyncio.wait(asked)
    assert server.calls == [["a"], ["b"]]
    assert [type(each.exception()) for each in asked] == [QueueUnavailable, QueueUnavailable]
