"""One end for each job, whoever writes, however often, and whatever becomes of the answers."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from emp_core.domain.states import JobState
from emp_core.store import Store, open_store
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.proxy import Proxy
from tests.faults.queue_server import QueueServer
from tests.faults.scenario import LEASE, done, started
from tests.support.builders import make_request, register, submit
from tests.support.figures import Figure
from tests.support.time_travel import end_lease, reap


@pytest.fixture
async def another_store(server: QueueServer) -> AsyncIterator[Store]:
    """The same queue over other connections."""
    opened = await open_store(server.url)
    yield opened
    await opened.close()


async def test_r06_a_result_whose_answer_was_lost_is_offered_again_and_counts_once(
    fleet: Fleet, history: History, journal: Journal, gate: Path, proxy: Proxy
) -> None:
    (worker,) = await fleet.start("a", url=proxy.url)
    job = await history.submit(payload={"until": str(gate)})
    await started(journal, job)

    def reports(request: bytes) -> bool:
        return b"complete" in request and job.encode() in request

    proxy.lose_answer_to(reports)
    gate.touch()
    await history.drained()
    await eventually(
        lambda: len([request for request in proxy.requests if reports(request)]) > 1, "it is offered again"
    )
    next_job = await history.submit()
    await done(journal, next_job)
    await history.drained()
    assert proxy.lost_answers == 1
    assert worker.said("job.report_refused") == []
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0


async def test_r06_a_claim_whose_answer_was_lost_is_not_a_second_start(
    fleet: Fleet, history: History, journal: Journal, proxy: Proxy
) -> None:
    await fleet.start("a", url=proxy.url)
    for _ in range(5):
        proxy.lose_answer_to(lambda request: b"witness=up" not in request and b"FCALL" in request)
        job = await history.submit(on_lost="fail")
        await done(journal, job)
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0
    assert verdict.states == {"completed": 5}
    assert proxy.lost_answers >= 1


async def test_r07_of_two_results_at_once_one_counts(store: Store, another_store: Store) -> None:
    here, there = await register(store), await register(another_store)
    for _ in range(100):
        job = await submit(store)
        claim = await here.take()
        answers = await asyncio.gather(here.complete(claim, by="here"), there.complete(claim, by="there"))
        assert sorted(answers) == ["already", "ok"]
        winner = "here" if answers[0] == "ok" else "there"
        assert (await store.inspector.outcome(job))["data"] == {"by": winner}


async def test_r07_of_two_claims_only_the_last_one_can_end_the_job(store: Store, another_store: Store) -> None:
    old, new = await register(store, "old"), await register(another_store, "new")
    for _ in range(100):
        job = await submit(store)
        first = await old.take()
        await end_lease(store, job)
        await reap(store)
        second = await new.take()
        late, last = await asyncio.gather(old.complete(first, by="old"), new.complete(second, by="new"))
        assert (late, last) == ("stale", "ok")
        assert (await store.inspector.outcome(job))["data"] == {"by": "new"}


async def test_r38_a_cancel_that_was_acknowledged_is_kept(store: Store, another_store: Store, figure: Figure) -> None:
    worker = await register(store)
    answers: Counter[str] = Counter()
    for _ in range(1_000):
        job = await submit(store)
        claim = await worker.take()
        complete, cancel = worker.complete(claim), another_store.broker.cancel(job)
        pair = (complete, cancel) if random.random() < 0.5 else (cancel, complete)
        said = dict(zip(("first", "second"), await asyncio.gather(*pair), strict=True))
        cancelled = next(word for word in said.values() if word in ("cancelling", "completed"))
        state = (await store.inspector.job(job)).state
        assert state is (JobState.COMPLETED if cancelled == "completed" else JobState.CANCELLED)
        answers[cancelled] += 1
    figure("races won by the cancel / by the result", f"{answers['cancelling']} / {answers['completed']}")


async def test_r38_a_cancel_in_the_queue_races_with_the_claim(store: Store, another_store: Store) -> None:
    worker = await register(store)
    for _ in range(200):
        job = await submit(store)
        claim, cancelled = await asyncio.gather(worker.claim(), another_store.broker.cancel(job))
        if claim is not None:
            assert cancelled == "cancelling"
            assert await worker.complete(claim) == "cancel"
        assert (await store.inspector.job(job)).state is JobState.CANCELLED


async def test_r38_a_running_job_stops_when_it_is_cancelled(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, figure: Figure
) -> None:
    await fleet.start("a")
    job = await history.submit(payload={"until": str(gate)})
    await started(journal, job)
    loop = asyncio.get_running_loop()
    asked_at = loop.time()
    await store.broker.cancel(job)
    await eventually(lambda: journal.entries("stopped", job), "it stops")
    figure("seconds to stop", round(loop.time() - asked_at, 2))
    await history.drained()
    assert (await store.inspector.job(job)).state is JobState.CANCELLED
    assert journal.effects(job) == []


async def test_r39_a_job_is_cancelled_though_its_worker_is_dead(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    await fleet.start_hub()
    job = await history.submit(payload={"until": str(gate)})
    await started(journal, job)
    worker.kill()
    assert await store.broker.cancel(job) == "cancelling"
    await end_lease(store, job)
    await history.drained()
    assert (await store.inspector.job(job)).state is JobState.CANCELLED
    assert (await history.verdict()).clean


async def test_r39_a_job_is_cancelled_though_its_connector_does_not_hear_it(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    await fleet.start("a", lease=LEASE)
    job = await history.submit(payload={"until": str(gate), "deaf": True})
    await started(journal, job)
    await store.broker.cancel(job)
    await history.drained()
    gate.touch()
    await done(journal, job)
    after = await history.submit()
    await done(journal, after)
    await history.drained()
    assert (await store.inspector.job(job)).state is JobState.CANCELLED
    assert await store.inspector.outcome(job) is None


async def test_r41_fifty_submits_with_one_key_over_two_hubs_are_one_job(fleet: Fleet, store: Store) -> None:
    hubs = [await fleet.start_hub(name) for name in ("hub-1", "hub-2")]
    headers = {"Idempotency-Key": "the same"}
    async with httpx.AsyncClient(timeout=30) as client:

        async def post(number: int, seed: int) -> httpx.Response:
            body = {"service": "witness", "payload": {"seed": seed}}
            return await client.post(f"{hubs[number % 2].url}/api/jobs", json=body, headers=headers)

        answers = await asyncio.gather(*(post(number, 1) for number in range(50)))
        other = await post(0, 2)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 49}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert other.status_code == 409
    assert (await store.inspector.summary()).jobs["pending"] == 1


async def test_r42_a_submit_whose_answer_was_lost_is_one_job(store: Store, proxy: Proxy) -> None:
    far = await open_store(proxy.url)
    try:
        await far.broker.submit(make_request())
        for number in range(20):
            proxy.lose_answer_to(lambda request: b"the same again" in request)
            request = make_request(idempotency_key=f"key-{number}", payload={"note": "the same again"})
            answer = await far.broker.submit(request)
            again = await far.broker.submit(request)
            assert (answer.repeated, again.repeated, again.id) == (False, True, answer.id)
    finally:
        await far.close()
    assert proxy.lost_answers == 20
    assert (await store.inspector.summary()).jobs["pending"] == 21
