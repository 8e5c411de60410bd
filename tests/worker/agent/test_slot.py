"""One attempt, from a claim to what is reported of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.agent import slot as slots
from daemons.worker.agent.attempt import AttemptContext
from daemons.worker.agent.files import Files
from daemons.worker.agent.room import Room
from daemons.worker.agent.slot import Slot, Stop
from daemons.worker.connector import Connector, Interrupted, JobFailed, Mismatch, ServiceBusy, ServiceDown, StillRunning
from emp_core.artifacts import ArtifactStore, open_artifacts
from emp_core.domain.outcome import Blame, Failure, Result
from emp_core.domain.policy import MAX_DETAIL
from emp_core.domain.requirements import Requirements
from emp_core.errors import AccessDenied, ArtifactsUnavailable, EmpError, HubUnavailable, InvalidInput, NotFound
from emp_core.store import Claimed, Settlement, Verb
from tests.support.fakes import FrozenClock, ScriptedConnector
from tests.support.waiting import wait_until


def make_claim(**changes: Any) -> Claimed:
    fields: dict[str, Any] = {
        "job_id": "job",
        "attempt": 1,
        "nonce": "nonce",
        "class_id": "class",
        "time_left_ms": 60_000,
        "gen": 0,
        "on_lost": "requeue",
        "customer_id": None,
        "body": b'{"payload":{}}',
        "repeated": False,
    }
    return Claimed(**{**fields, **changes})


def make_slot(
    connector: Connector,
    claim: Claimed | None = None,
    artifacts: ArtifactStore | None = None,
    room: Room | None = None,
    **asked: Any,
) -> Slot:
    chosen, store = claim or make_claim(), artifacts or open_artifacts("memory://")
    context = AttemptContext(chosen, Files(store, None, lambda why: None), store, FrozenClock(), lambda: None, 0)
    return Slot(chosen, Requirements.parse(asked), connector, context, room or Room(empty, FrozenClock()))


async def empty() -> float:
    return 0.0


async def crowded() -> float:
    return 0.95


def start(slot: Slot) -> asyncio.Task[Settlement | None]:
    slot.task = asyncio.ensure_future(slot.run())
    return slot.task


class Ending:
    """A connector whose runs end at once, in one way."""

    service = "comfyui"
    reports_progress = False
    concurrency = 1

    def __init__(self, end: Result | BaseException) -> None:
        self._end = end

    async def run(self, assignment: object, context: object) -> Result:
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end


async def settled(end: Result | BaseException, **options: Any) -> Settlement:
    settlement = await start(make_slot(Ending(end), **options))  # type: ignore[arg-type]
    assert settlement is not None
    return settlement


def failure_of(settlement: Settlement) -> tuple[str, Mapping[str, Any]]:
    """The line that the queue reads, and the failure."""
    assert settlement.verb is Verb.FAIL
    head, _, body = settlement.data.decode().partition("\n")
    failure = json.loads(body)
    return head.removesuffix(f" {failure['message']}"), failure


async def test_a_result_is_a_completion() -> None:
    settlement = await settled(Result(data={"seed": 2**70}))
    assert settlement.verb is Verb.COMPLETE
    assert json.loads(settlement.data) == {"data": {"seed": 2**70}, "artifacts": []}


async def test_the_connector_gets_what_was_asked() -> None:
    connector = ScriptedConnector()
    claim = make_claim(body=b'{"payload":{"n":[]}}', attempt=4, customer_id="acme")
    task = start(make_slot(connector, claim, job_type="txt2img", models=["m"]))
    run = await connector.next_run()
    asked = run.assignment
    assert (asked.job_id, asked.attempt, asked.service) == ("job", 4, "comfyui")
    assert (asked.job_type, asked.models, asked.customer_id) == ("txt2img", ("m",), "acme")
    assert asked.payload == {"n": []}
    run.finish()
    await task


@pytest.mark.parametrize(
    ("error", "head", "code"),
    [
        (JobFailed(Failure(message="m", code="c")), "error job", "c"),
        (JobFailed(Failure(message="m", code="c", retryable=False, blame=Blame.BACKEND)), "permanent backend", "c"),
        (Interrupted("somebody pressed cancel"), "error backend", "interrupted"),
        (ArtifactsUnavailable("the store is unavailable"), "error worker", "worker_error"),
        (InvalidInput("artifact", "is too large"), "permanent job", "invalid"),
        (NotFound("artifact", "a/1/1"), "permanent job", "invalid"),
        (ZeroDivisionError("by zero"), "error worker", "connector_bug"),
    ],
)
async def test_who_is_to_blame_and_whether_it_is_tried_again(error: Exception, head: str, code: str) -> None:
    said, failure = failure_of(await settled(error))
    assert (said, failure["code"]) == (f"{head} {code}", code)


@pytest.mark.parametrize(
    ("share", "text", "is_file"),
    [(crowded, 4_000, False), (crowded, 5_000, True), (empty, 5_000, False), (empty, 300_000, True)],
)
async def test_where_redis_is_nearly_full_a_result_becomes_a_file_sooner(
    share: Callable[[], Awaitable[float]], text: int, is_file: bool
) -> None:
    settlement = await settled(Result(data={"text": "x" * text}), room=Room(share, FrozenClock()))
    assert ("result_artifact" in json.loads(settlement.data)["data"]) is is_file


@pytest.mark.parametrize("error", [ArtifactsUnavailable, HubUnavailable, AccessDenied])
@pytest.mark.parametrize(("text", "verb"), [(5_000, Verb.COMPLETE), (300_000, Verb.FAIL)])
async def test_a_result_that_redis_can_take_is_not_lost_for_want_of_a_file(
    text: int, verb: Verb, error: type[EmpError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise error("the store is unavailable")

    monkeypatch.setattr(AttemptContext, "upload", away)
    settlement = await settled(Result(data={"text": "x" * text}), room=Room(crowded, FrozenClock()))
    assert settlement.verb is verb


async def test_a_bug_is_logged_with_its_traceback_and_named() -> None:
    with capture_logs() as logs:
        _, failure = failure_of(await settled(ZeroDivisionError("by zero")))
    assert failure["message"] == "the connector failed: ZeroDivisionError: by zero"
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("connector.bug", True)]


async def test_a_busy_service_gives_the_job_back() -> None:
    slot = make_slot(Ending(ServiceBusy("works on 1 prompt of other clients")))  # type: ignore[arg-type]
    settlement = await start(slot)
    assert settlement is not None
    assert (settlement.verb, settlement.data) == (
        Verb.RETURN,
        b"comfyui is busy: works on 1 prompt of other clients",
    )
    assert slot.service_busy


async def test_a_service_that_goes_on_after_the_attempt_is_busy() -> None:
    slot = make_slot(Ending(StillRunning(Failure(message="it heeds no interrupt", code="not_stopped"))))  # type: ignore[arg-type]
    head, failure = failure_of(await start(slot) or pytest.fail("nothing is reported"))
    assert (head, failure["code"], slot.service_busy) == ("error job not_stopped", "not_stopped", True)


async def test_a_mismatch_says_what_is_lacking_and_leaves_the_service_up() -> None:
    slot = make_slot(Ending(Mismatch("the model\n'x'")))  # type: ignore[arg-type]
    settlement = await start(slot)
    assert settlement is not None
    assert (settlement.verb, settlement.data) == (Verb.MISMATCH, b"lacks the model 'x'")
    assert slot.service_down == ""


async def test_a_service_that_is_down_gives_the_job_back() -> None:
    slot = make_slot(Ending(ServiceDown("refused")))  # type: ignore[arg-type]
    settlement = await start(slot)
    assert settlement is not None
    assert (settlement.verb, settlement.data) == (Verb.RETURN, b"comfyui is down")
    assert slot.service_down == "refused"


@pytest.mark.parametrize(
    "end",
    [
        JobFailed(Failure(message="half a pair: \ud800")),
        JobFailed(Failure(message="m", detail={"a set": {1, 2}})),
        RuntimeError("half a pair: \ud800"),
        Result(data={"a set": {1, 2}}),
        Result(data={"text": "\ud800"}),
    ],
)
async def test_what_json_cannot_hold_fails_the_attempt_and_nothing_else(end: Result | Exception) -> None:
    failure_of(await settled(end))


async def test_a_failures_detail_and_message_have_their_limits() -> None:
    long = Failure(message="two\nlines " + "x" * 10_000, detail={"log": "y" * MAX_DETAIL})
    _, failure = failure_of(await settled(JobFailed(long)))
    assert failure["message"].startswith("two lines x")
    assert len(failure["message"]) <= 4096
    assert failure["detail"] == {"trimmed": True}


async def test_a_template_fails_for_good_where_nobody_translates_it() -> None:
    claim = make_claim(body=b'{"template":"portrait","params":{}}')
    head, failure = failure_of(await settled(Result(), claim=claim))
    assert (head, failure["code"]) == ("permanent job no_template", "no_template")


@pytest.mark.parametrize(
    ("reason", "verb"),
    [(Stop.CANCEL, Verb.CANCELLED), (Stop.GIVE_BACK, Verb.RELEASE), (Stop.LOST, None)],
)
async def test_what_a_stop_is_reported_as(reason: Stop, verb: Verb | None) -> None:
    connector = ScriptedConnector()
    slot = make_slot(connector)
    task = start(slot)
    await connector.next_run()
    slot.stop(reason)
    settlement = await task
    assert (settlement.verb if settlement else None) is verb


async def test_a_stop_before_the_run_reaches_the_connector_all_the_same() -> None:
    connector = ScriptedConnector()
    slot = make_slot(connector)
    slot.stop(Stop.CANCEL)
    settlement = await start(slot)
    assert settlement is not None
    assert settlement.verb is Verb.CANCELLED


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        (Stop.CANCEL, Stop.GIVE_BACK, Stop.CANCEL),
        (Stop.GIVE_BACK, Stop.CANCEL, Stop.GIVE_BACK),
        (Stop.CANCEL, Stop.LOST, Stop.LOST),
        (Stop.LOST, Stop.CANCEL, Stop.LOST),
    ],
)
async def test_the_first_reason_stands_but_a_lost_job_is_lost(first: Stop, then: Stop, stands: Stop) -> None:
    slot = make_slot(ScriptedConnector())
    slot.task = asyncio.ensure_future(asyncio.sleep(0))
    slot.stop(first)
    slot.stop(then)
    assert slot.stop_reason is stands
    await slot.run()


async def test_a_result_that_comes_in_spite_of_giving_back_counts() -> None:
    connector = ScriptedConnector()
    connector.deaf = True
    slot = make_slot(connector)
    task = start(slot)
    run = await connector.next_run()
    slot.stop(Stop.GIVE_BACK)
    run.finish(done=True)
    settlement = await task
    assert settlement is not None
    assert settlement.verb is Verb.COMPLETE


# -- cancellation


async def test_a_deaf_connector_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "STOP_SECONDS", 0.01)
    connector = ScriptedConnector()
    connector.deaf = True
    slot = make_slot(connector)
    task = start(slot)
    await connector.next_run()
    slot.stop(Stop.GIVE_BACK)
    settlement = await task
    assert settlement is not None
    assert settlement.verb is Verb.RELEASE
    assert task.cancelling() == 0


async def test_a_cancellation_from_outside_goes_on() -> None:
    connector = ScriptedConnector()
    slot = make_slot(connector)
    task = start(slot)
    await connector.next_run()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_cancellation_from_outside_wins_over_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "STOP_SECONDS", 0.0)
    connector = ScriptedConnector()
    connector.deaf = True
    slot = make_slot(connector)
    task = start(slot)
    await connector.next_run()
    slot.stop(Stop.CANCEL)
    asyncio.get_running_loop().call_later(0, task.cancel)
    await wait_until(task.done, "the end of the task")
    assert task.cancelled()


async def test_a_connector_that_cancels_itself_is_a_bug_of_its_own() -> None:
    _, failure = failure_of(await settled(asyncio.CancelledError()))
    assert failure["message"] == "the connector failed: it cancelled itself"
