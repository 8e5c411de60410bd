"""EventBus: replay from a cursor, and the honest word where that cannot be."""

import asyncio
from dataclasses import replace

import pytest

from emp_core.domain.events import Event, Reported
from emp_core.store import EventBus, Preview, Store
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.waiting import wait_until


def reads_on(server: Server) -> bool:
    """Whether somebody waits for the next entry."""
    return any(client["cmd"].lower() == "xread" for client in server.client.client_list())


async def test_replay_from_a_cursor(store: Store) -> None:
    worker = await register(store)
    begin = await store.events.latest()
    job = await submit(store, customer_id="acme")
    first = await store.events.after(begin)
    await worker.complete(await worker.take())
    second = await store.events.after(first.cursor)
    events = [*first.events, *second.events]
    assert [(event.name, event.version, event.state) for event in events] == [
        ("submitted", 1, "pending"),
        ("claimed", 2, "active"),
        ("completed", 3, "completed"),
    ]
    assert {(event.job, event.gen, event.customer_id) for event in events} == {(job, 0, "acme")}
    assert events[1].worker == worker.id
    assert events[1].attempt == 1
    assert abs(events[0].at - await store.inspector.now_ms()) < 60_000


async def test_a_cursor_at_the_end_brings_nothing_and_stays(store: Store) -> None:
    await submit(store)
    cursor = await store.events.latest()
    batch = await store.events.after(cursor)
    assert (batch.events, batch.cursor, batch.resync) == ((), cursor, False)


async def test_pages_of_a_long_stream(store: Store) -> None:
    jobs = [await submit(store) for _ in range(7)]
    seen, cursor = [], "0-0"
    while (batch := await store.events.after(cursor, count=3)).events:
        seen += [event.job for event in batch.events]
        cursor = batch.cursor
    assert seen == jobs


async def test_a_reader_waits_for_what_comes(store: Store, server: Server) -> None:
    await submit(store)
    cursor = await store.events.latest()
    link = store.blocking_link()
    waiting = asyncio.ensure_future(EventBus(link).after(cursor, block_ms=10_000))

    await wait_until(lambda: reads_on(server), "a blocked reader")
    job = await submit(store)
    assert [event.job for event in (await waiting).events] == [job]
    await link.close()


async def test_reports_of_running_jobs_come_beside_the_events(store: Store) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme")
    cursor, reports = await store.events.latest(), await store.events.latest_report()
    claim = await worker.take()
    await worker.report(claim, percent=42.5, message="step 3 ☃")
    await worker.report(claim, lines=("a line",))
    await store.previews.keep(worker.id, claim, Preview("image/png", b"picture"))
    batch = await store.events.after(cursor, reports=reports)
    assert [event.name for event in batch.events] == ["claimed"]
    told = Reported(job=job, attempt=1, percent=None, customer_id="acme")
    assert batch.reports == (
        replace(told, percent=42.5, message="step 3 ☃"),
        told,
        replace(told, preview=True),
    )
    again = await store.events.after(batch.cursor, reports=batch.reports_cursor)
    assert (again.events, again.reports, again.reports_cursor) == ((), (), batch.reports_cursor)
    assert (await store.events.after(cursor)).reports == ()


async def test_a_reader_that_waits_for_events_hears_a_report(store: Store, server: Server) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    bus = EventBus(link := store.blocking_link())
    waiting = asyncio.ensure_future(bus.after(await bus.latest(), reports=await bus.latest_report(), block_ms=10_000))
    await wait_until(lambda: reads_on(server), "a blocked reader")
    await worker.report(claim, percent=10.0)
    assert [told.percent for told in (await waiting).reports] == [10.0]
    await link.close()


async def test_a_wait_in_vain_is_an_empty_batch(store: Store) -> None:
    link = store.blocking_link()
    batch = await EventBus(link).after("0-0", block_ms=10)
    assert (batch.events, batch.cursor, batch.resync) == ((), "0-0", False)
    await link.close()


@pytest.mark.damages
async def test_r31_a_cursor_older_than_the_stream_is_told_to_read_anew(store: Store) -> None:
    await submit(store)
    cursor = await store.events.latest()
    for _ in range(5):
        await submit(store)
    await store.link.call("XTRIM", store.link.key("events"), "MAXLEN", 2)
    batch = await store.events.after(cursor)
    assert (batch.resync, batch.events, batch.cursor) == (True, (), await store.events.latest())
    assert not (await store.events.after(batch.cursor)).resync


@pytest.mark.parametrize("cursor", ["99999999999999-0", "99999999999999"])
async def test_a_cursor_from_the_future_is_told_to_read_anew(store: Store, cursor: str) -> None:
    """After a failover the new server may be behind what a reader saw."""
    await submit(store)
    batch = await store.events.after(cursor)
    assert (batch.resync, batch.cursor) == (True, await store.events.latest())


async def test_a_cursor_of_a_stream_that_is_gone_is_told_to_read_anew(store: Store) -> None:
    assert (await store.events.after("5-0")).resync
    assert not (await store.events.after("0-0")).resync


@pytest.mark.damages
async def test_the_last_entry_that_was_kept_is_a_good_cursor(store: Store) -> None:
    for _ in range(3):
        await submit(store)
    key = store.link.key("events")
    oldest = (await store.link.call("XRANGE", key, "-", "+", "COUNT", 1))[0][0].decode()
    await store.link.call("XTRIM", key, "MAXLEN", 2)
    second = (await store.link.call("XRANGE", key, "-", "+", "COUNT", 1))[0][0].decode()
    assert len((await store.events.after(second)).events) == 1
    assert (await store.events.after(oldest)).resync or len((await store.events.after(oldest)).events) == 2


async def test_the_events_of_one_job_and_the_newest_of_all(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    for _ in range(5):
        await submit(store)
    await worker.release(await worker.take(), "a reason in words")
    assert [event.name for event in await store.events.of_job(job)] == ["submitted", "claimed", "released"]
    recent = await store.events.recent(2)
    assert [event.name for event in recent] == ["claimed", "released"]


async def test_events_of_a_worker_name_no_job(store: Store) -> None:
    worker = await register(store)
    (event,) = (await store.events.after("0-0")).events
    assert (event.name, event.job, event.worker, event.state) == ("worker_ready", "", worker.id, "ready")


@pytest.mark.damages
async def test_old_events_are_dropped(store: Store) -> None:
    key = store.link.key("events")
    for n in range(1, 400):
        await store.link.call("XADD", key, f"{n}-0", "e", f"submitted j{n} 0 1 pending  0  ")
    await submit(store)
    dropped = await store.upkeep.trim_events(3_600_000)
    assert dropped >= 300
    assert len(await store.events.recent(1_000)) == 400 - dropped


async def stream_of(store: Store, job: str) -> list[Event]:
    """A job's events as the stream has them; of the cursor only the time counts, which may be a few ms off."""
    return [event for event in await store.events.recent(1_000) if event.job == job]


def told(events: list[Event]) -> list[Event]:
    return [replace(event, cursor="") for event in events]


LIVES = {
    "submitted": ["submitted"],
    "claimed": ["submitted", "claimed"],
    "completed": ["submitted", "claimed", "completed"],
    "cancelled": ["submitted", "cancelled"],
    "held": ["submitted", "held", "unheld", "claimed"],
    "released": ["submitted", "claimed", "released", "claimed", "completed"],
}


@pytest.mark.parametrize("life", LIVES)
async def test_a_job_remembers_its_events_when_the_stream_has_forgotten_them(store: Store, life: str) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme")
    if life == "cancelled":
        await store.broker.cancel(job)
    if life == "held":
        await store.broker.hold(job)
        await store.broker.unhold(job)
    if life not in ("submitted", "cancelled"):
        claim = await worker.take()
        if life == "released":
            await worker.release(claim, "a reason in words")
            claim = await worker.take()
        if life in ("completed", "released"):
            await worker.complete(claim)
    wanted = await stream_of(store, job)
    assert [event.name for event in wanted] == LIVES[life]
    found = await store.events.of_job(job)
    assert told(found) == told(wanted)
    assert all(abs(one.at - other.at) < 1_000 for one, other in zip(found, wanted, strict=True))


async def test_a_delayed_job_that_is_cancelled_remembers_that_it_was_delayed(store: Store) -> None:
    job = await submit(store, run_at=await store.inspector.now_ms() + 3_600_000)
    assert told(await store.events.of_job(job)) == told(await stream_of(store, job))
    await store.broker.cancel(job)
    assert [event.state for event in await store.events.of_job(job)] == ["delayed", "cancelled"]


async def test_a_job_remembers_its_last_200_events(store: Store) -> None:
    job = await submit(store)
    for priority in range(202):
        await store.broker.set_priority([job], priority % 100)
    events = await store.events.of_job(job)
    assert [event.version for event in events] == list(range(4, 204))


async def test_a_job_that_is_deleted_takes_its_events_with_it(store: Store) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    assert await store.events.of_job(job) == []
