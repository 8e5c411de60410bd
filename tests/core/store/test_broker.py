"""The broker's own part: what it makes of requests and of the functions' answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from emp_core.domain.outcome import Artifact, Blame, Failure, Result
from emp_core.domain.policy import BYTES_A_CALL, JOBS_A_CALL, MAX_INLINE_PAYLOAD, MAX_SPILLED_PAYLOAD
from emp_core.errors import (
    ArtifactsUnavailable,
    Conflict,
    EmpError,
    HubUnavailable,
    InvalidInput,
    LimitExceeded,
    Misconfigured,
    NotFound,
    QueueUnavailable,
    Refused,
)
from emp_core.store import ClassIndex, Life, Link, Store, Submitted, Wish, broker, completed, failed
from emp_core.store.broker import Broker
from tests.support.builders import LEASE_MS, make_capabilities, make_request, register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.waiting import wait_until


async def test_a_submit_answers_with_id_and_state(store: Store) -> None:
    answer = await store.broker.submit(make_request(id="render-1"))
    assert (answer.id, answer.state, answer.repeated) == ("render-1", "pending", False)


async def test_a_submit_raises_what_submit_many_lists(store: Store) -> None:
    with pytest.raises(InvalidInput) as refused:
        await store.broker.submit(make_request(depends_on=["nobody"]))
    assert refused.value.field == "depends_on"


async def test_an_empty_batch_is_no_call(store: Store) -> None:
    assert await store.broker.submit_many([]) == []


async def test_a_batch_longer_than_a_call_keeps_its_order(store: Store) -> None:
    answers = await store.broker.submit_many([make_request(id=f"job-{n}") for n in range(100)])
    assert [answer.id for answer in answers if not isinstance(answer, EmpError)] == [f"job-{n}" for n in range(100)]
    assert await (await register(store)).drain() == [f"job-{n}" for n in range(100)]


async def test_a_batch_may_fill_the_queue_in_the_middle(store: Store, look: Look) -> None:
    store.broker.max_waiting = 3
    answers = await store.broker.submit_many([make_request() for _ in range(5)])
    assert [type(answer).__name__ for answer in answers] == ["Submitted"] * 3 + ["LimitExceeded"] * 2
    assert look().fields("counts") == {"pending": "3"}


async def test_large_payloads_travel_alone(store: Store, server: Server) -> None:
    server.client.config_resetstat()
    size = BYTES_A_CALL // 2 - 1_000
    answers = await store.broker.submit_many([make_request(payload={"x": "x" * size}) for _ in range(5)])
    assert [type(answer).__name__ for answer in answers] == ["Submitted"] * 5
    assert server.client.info("commandstats")["cmdstat_fcall"]["calls"] == 5


async def test_a_batch_that_redis_leaves_in_the_middle_says_which_lines_it_took(store: Store, server: Server) -> None:
    requests = [make_request(id=f"job-{n}") for n in range(2 * JOBS_A_CALL)]

    async def full(_: str, __: bytes) -> None:
        """While the second call is made, the first one is under way."""
        await wait_until(lambda: server.client.exists("{emp}:job:job-0"), "the first job is stored")
        server.client.config_set("maxmemory", "1mb")

    requests[JOBS_A_CALL + 1] = make_request(id="large", payload={"x": "x" * (MAX_INLINE_PAYLOAD + 1)})
    try:
        answers = await store.broker.submit_many(requests, full)
        with pytest.raises(QueueUnavailable) as refused:
            await store.broker.submit_many(requests[JOBS_A_CALL:], full)
    finally:
        server.client.config_set("maxmemory", "0")
    kinds = [type(answer).__name__ for answer in answers]
    assert kinds == ["Submitted"] * JOBS_A_CALL + ["QueueUnavailable"] * JOBS_A_CALL
    named = [answer.job_ids for answer in answers if isinstance(answer, QueueUnavailable)]
    assert named == [(request.id,) for request in requests[JOBS_A_CALL:]]
    assert refused.value.job_ids == tuple(request.id for request in requests[JOBS_A_CALL:])
    assert (await store.inspector.summary()).jobs["pending"] == JOBS_A_CALL


@pytest.mark.parametrize("size", [MAX_INLINE_PAYLOAD + 1, MAX_SPILLED_PAYLOAD + 1])
async def test_a_payload_over_a_limit_names_it(store: Store, look: Look, size: int) -> None:
    with pytest.raises(LimitExceeded) as refused:
        await store.broker.submit(make_request(payload={"x": "x" * size}))
    limit = "max_inline_payload_bytes" if size < MAX_SPILLED_PAYLOAD else "max_payload_bytes"
    assert refused.value.limit == limit
    assert list(look().entries) == ["queue", "schema"]


@pytest.mark.parametrize("error", [HubUnavailable("the hub does not answer"), Misconfigured("no place for files")])
async def test_a_spill_that_is_refused_costs_no_other_line(store: Store, error: EmpError) -> None:
    async def refuse(_: str, __: bytes) -> None:
        raise error

    large = make_request(payload={"x": "x" * (MAX_INLINE_PAYLOAD + 1)})
    first, refused, last = await store.broker.submit_many([make_request(), large, make_request()], refuse)
    assert refused is error
    assert [type(answer).__name__ for answer in (first, last)] == ["Submitted"] * 2


async def test_an_answer_that_is_lost_names_the_job_and_a_repeat_stores_it_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Link.run

    async def lose_the_answer(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        await run(link, name, *records, **arguments)
        raise QueueUnavailable("redis_unavailable", "Redis does not answer")

    with monkeypatch.context() as lossy:
        lossy.setattr(Link, "run", lose_the_answer)
        with pytest.raises(QueueUnavailable) as lost:
            await store.broker.submit(make_request())
    (job_id,) = lost.value.job_ids
    again = await store.broker.submit(make_request(id=job_id))
    assert (again.id, again.repeated) == (job_id, True)
    assert (await store.inspector.summary()).jobs["pending"] == 1


async def test_a_spill_that_fails_stores_nothing(store: Store, look: Look) -> None:
    async def full(_: str, __: bytes) -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        await store.broker.submit(make_request(payload={"x": "x" * (MAX_INLINE_PAYLOAD + 1)}), full)
    assert list(look().entries) == ["queue", "schema"]


async def test_a_result_holds_data_and_artifacts(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    artifact = Artifact(id=f"{job}/1/0", name="a.png", size=7, sha256="ab")
    await worker.settle(completed(claim, Result(data={"seed": 2**70}, artifacts=(artifact,))))
    outcome = await store.inspector.outcome(job)
    assert outcome["data"] == {"seed": 2**70}
    assert outcome["artifacts"][0]["name"] == "a.png"


async def test_a_failure_is_kept_whole(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    failure = Failure(
        message="out of memory\nin node 7", retryable=False, blame=Blame.JOB, code="oom", detail={"\u0000": []}
    )
    await worker.settle(failed(await worker.take(), failure))
    outcome = await store.inspector.outcome(job)
    assert (outcome["message"], outcome["code"], outcome["detail"]) == (
        "out of memory\nin node 7",
        "oom",
        {"\u0000": []},
    )


async def test_a_worker_that_is_not_known_is_refused_everywhere(store: Store) -> None:
    offered = make_capabilities()
    life = Life(worker="nobody", boot="b", profile=offered.profile_id, lease_ms=LEASE_MS)
    with pytest.raises(Refused) as refused:
        await store.broker.turn(life, offered, Wish(nonces=("n",)))
    assert refused.value.reason == "register"
    with pytest.raises(Refused):
        await store.broker.beat(life, "", [])


async def test_what_does_not_exist_is_not_found(store: Store) -> None:
    for call in (store.broker.cancel, store.broker.retry, store.broker.hold, store.broker.unhold, store.broker.requeue):
        with pytest.raises(NotFound):
            await call("nobody")


async def test_what_the_state_forbids_is_a_conflict_that_names_it(store: Store) -> None:
    job = await submit(store)
    with pytest.raises(Conflict, match=f"cannot retry job {job}: it is pending"):
        await store.broker.retry(job)


async def test_pauses_are_spread(store: Store) -> None:
    drawn: list[float] = []
    broker = Broker(store.link, store.classes)
    store.broker = broker
    worker = await register(store)
    for _ in range(8):
        job = await submit(store)
        claim = await worker.take()
        before = await store.inspector.now_ms()
        await worker.fail(claim)
        after = await store.inspector.now_ms()
        due = float(await store.link.call("ZSCORE", store.link.key("delayed"), job))
        assert before + 2_500 <= due <= after + 7_500
        drawn.append(due - before)
    assert len({round(pause, -1) for pause in drawn}) > 3


class _Scripted:
    """A link whose script gives the answers that it was told."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self.answers = list(answers)
        self.calls: list[dict[str, Any]] = []

    def key(self, name: str) -> str:
        return name

    async def run(self, name: str, rest: Sequence[Any] = (), **arguments: Any) -> Any:
        self.calls.append({"name": name, "rest": list(rest), **arguments})
        return self.answers.pop(0) if name == "take_turn" else 0

    async def call(self, *_: Any) -> Any:
        return b"0"

    async def read_many(self, commands: Sequence[Any]) -> list[Any]:
        return [None for _ in commands]


async def test_only_the_first_of_a_turns_calls_settles_and_has_the_token(store: Store) -> None:
    link: Any = _Scripted([[b"ready", [b"ok"], [], [], 1], [b"ready", [], [], [], 0]])
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    wish = Wish(nonces=("n",), token="c")
    turn = await Broker(link, ClassIndex(link)).turn(
        worker.life, worker.capabilities, wish, [failed(claim, Failure(message="x"))]
    )
    assert turn.answers == ("ok",)
    assert [(len(call["rest"]), call["token"]) for call in link.calls] == [(1, "c"), (0, "")]


async def test_a_class_that_cannot_be_judged_ends_the_turn(store: Store) -> None:
    link: Any = _Scripted([[b"ready", [], [], [b"c1"], 0]] * 9)
    worker = await register(store)
    turn = await Broker(link, ClassIndex(link)).turn(worker.life, worker.capabilities, Wish(nonces=("n",)))
    assert turn.claimed == ()
    assert len([call for call in link.calls if call["name"] == "take_turn"]) == 2


async def test_what_is_stored_is_answered_though_redis_goes_before_it_is_judged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise QueueUnavailable("redis_unavailable", "away")

    monkeypatch.setattr(store.classes, "judge_new", away)
    answers = await store.broker.submit_many([make_request(id=f"job-{n}") for n in range(3)])
    assert [answer.id for answer in answers if not isinstance(answer, EmpError)] == ["job-0", "job-1", "job-2"]
    monkeypatch.undo()
    assert await store.upkeep.judge_waiting() == 1


async def test_who_gives_up_has_the_answers_that_came(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run, calls = Link.run, asyncio.Queue[str]()

    async def stop_at_the_second(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        if name == "submit_jobs":
            calls.put_nowait(name)
            if calls.qsize() == 2:
                await asyncio.Event().wait()
        return await run(link, name, *records, **arguments)

    monkeypatch.setattr(Link, "run", stop_at_the_second)
    requests = [make_request(id=f"job-{n}") for n in range(2 * JOBS_A_CALL)]
    answers: list[Submitted | EmpError] = []
    submitting = asyncio.create_task(store.broker.submit_many(requests, answers=answers))
    await wait_until(lambda: calls.qsize() == 2, "the second call")
    submitting.cancel()
    await asyncio.wait([submitting])
    assert [answer.id for answer in answers if isinstance(answer, Submitted)] == [
        f"job-{n}" for n in range(JOBS_A_CALL)
    ]


async def test_a_file_that_cannot_be_kept_is_the_trouble_of_its_line(store: Store) -> None:
    async def away(_: str, __: bytes) -> None:
        raise ArtifactsUnavailable("away")

    large = make_request(payload={"x": "x" * (MAX_INLINE_PAYLOAD + 1)})
    answers = await store.broker.submit_many([make_request(), large, make_request()], away)
    assert [type(answer).__name__ for answer in answers] == ["Submitted", "ArtifactsUnavailable", "Submitted"]


async def test_beat_of_many_jobs_renews_all_leases_over_several_calls(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await register(store)
    for _ in range(5):
        await submit(store)
    claims = (await worker.turn(claims=5)).claimed
    monkeypatch.setattr(broker, "BEATEN_A_CALL", 2)
    before = (await store.link.info("commandstats"))["cmdstat_fcall"]["calls"]
    assert await worker.beat(*claims) == ["ok"] * 5
    assert await worker.beat() == []
    assert (await store.link.info("commandstats"))["cmdstat_fcall"]["calls"] - before == 4
