"""The way between a worker and its queue is cut, silent, slow, or loses answers."""

import asyncio
import time
from pathlib import Path

import pytest

from emp_core.domain.states import JobState
from emp_core.errors import QueueUnavailable
from emp_core.store import Store, open_store
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.proxy import Proxy
from tests.faults.scenario import LEASE, begun, everything, is_in, seconds_between, started
from tests.faults.zombies import Zombies
from tests.support.builders import make_request, register, submit
from tests.support.figures import Figure


async def test_r26_a_worker_behind_a_silent_network_gives_way_to_another(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, proxy: Proxy, zombies: Zombies
) -> None:
    await fleet.start_hub(lease=LEASE)
    (worker,) = await fleet.start("a", url=proxy.url, lease=LEASE)
    job = await begun(history, journal, gate)
    await zombies.look()
    await fleet.start("b")
    proxy.blackhole()
    await started(journal, job, 2)
    gate.touch()
    await history.drained()
    before = await everything(store, job)
    proxy.heal()
    await eventually(lambda: worker.said("job.lost") or worker.said("job.report_refused"), "the first hears of it")
    await zombies.offer()
    assert history.stale.offered > 0
    assert history.stale.accepted == []
    assert await everything(store, job) == before
    assert (await store.inspector.outcome(job))["data"] == {"attempt": 2, "worker": "b"}
    assert (await history.verdict()).clean


async def test_r26_a_worker_behind_a_silent_network_goes_on_where_nobody_else_took_its_job(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, proxy: Proxy
) -> None:
    await fleet.start_hub(lease=LEASE)
    (worker,) = await fleet.start("a", url=proxy.url, slots=2, lease=LEASE)
    job = await begun(history, journal, gate)
    proxy.blackhole()
    await eventually(lambda: is_in(store, job, JobState.PENDING), "its lease ends")
    proxy.heal()
    await eventually(lambda: is_in(store, job, JobState.ACTIVE), "it is taken up again")
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)
    assert len(journal.starts(job)) == 1
    assert worker.exit_code is None


async def test_r27_answers_are_lost_all_the_time(fleet: Fleet, history: History, proxy: Proxy) -> None:
    await fleet.start("a", url=proxy.url, slots=4)
    proxy.lose_answers_to(lambda request: b"FCALL" in request, every=3)
    for number in range(60):
        await history.submit(payload={"seconds": 0.02}, on_lost="fail" if number % 4 == 0 else "requeue")
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert proxy.lost_answers > 5
    assert verdict.duplicates == 0
    assert verdict.states == {"completed": 60}


async def test_r28_a_slow_network_that_hangs_up_now_and_then_loses_nothing(
    fleet: Fleet, history: History, proxy: Proxy
) -> None:
    await fleet.start("a", url=proxy.url, slots=4)
    proxy.delay = 0.1
    proxy.cut_every(8)
    for _ in range(60):
        await history.submit(payload={"seconds": 0.02})
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert proxy.cuts > 3
    assert verdict.states == {"completed": 60}


async def test_connections_that_died_without_a_word_cost_no_lease(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, proxy: Proxy, figure: Figure
) -> None:
    await fleet.start_hub()
    await fleet.start("a", url=proxy.url, slots=2)
    job = await begun(history, journal, gate)
    proxy.freeze()
    frozen_at = time.monotonic()
    before = await store.inspector.now_ms()

    async def beats() -> bool:
        return (await store.inspector.worker("a")).beat_at > before

    await eventually(beats, "it beats over another connection")
    next_job = await history.submit()
    start = await started(journal, next_job)
    figure("seconds until it claims over another connection", seconds_between(frozen_at, start.at))
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)
    assert (await history.verdict()).clean


async def test_calls_that_travel_together_over_dead_connections_are_given_up(proxy: Proxy) -> None:
    """They wait for one answer, and the next ones for them: it must not be for ever."""
    store = await open_store(proxy.url)
    store.link.patience = 0.5
    stored = refused = 0

    async def keep_submitting() -> None:
        nonlocal stored, refused
        while True:
            try:
                await store.broker.submit(make_request())
                stored += 1
            except QueueUnavailable:
                refused += 1

    clients = [asyncio.create_task(keep_submitting()) for _ in range(200)]
    await eventually(lambda: stored > 500, "many calls are under way")
    proxy.freeze()
    await eventually(lambda: refused > 0, "the dead connections are noticed")
    before = stored
    await eventually(lambda: stored > before + 500, "others have taken their place")
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    await store.close()


@pytest.mark.parametrize(("order", "done"), [("retry", "retried"), ("unhold", "unheld"), ("requeue", "requeued")])
async def test_r27_an_order_whose_answer_is_lost_was_given_once(
    store: Store, proxy: Proxy, order: str, done: str
) -> None:
    worker = await register(store)
    job = await submit(store)
    if order == "requeue":
        await worker.take()
    else:
        await (store.broker.hold if order == "unhold" else store.broker.cancel)(job)
    behind = await open_store(proxy.url)
    proxy.lose_answer_to(lambda request: job.encode() in request)
    await getattr(behind.broker, order)(job)
    await behind.close()
    assert proxy.lost_answers == 1
    assert [event.name for event in await store.events.of_job(job)].count(done) == 1
