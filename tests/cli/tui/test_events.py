"""The events' screen, by its keys, on a real queue."""

from dataclasses import replace

from emp_cli.tui.reads_events import EventsRead
from emp_cli.tui.widgets.row_table import RowTable
from emp_cli.tui.words import Words
from emp_core.domain.job import JobRequest
from emp_core.store import Store
from tests.cli.tui.conftest import OpenQueue, StartDashboard
from tests.support.builders import make_request, register, submit
from tests.support.waiting import wait_until


async def submit_many(store: Store, count: int, **changes: object) -> None:
    requests: list[JobRequest] = [make_request(**changes) for _ in range(count)]
    await store.broker.submit_many(requests)


async def test_it_shows_what_happens_as_it_happens(store: Store, dashboard: StartDashboard) -> None:
    first = await submit(store)
    async with dashboard(screen="events") as driver:
        await driver.sees("submitted", first)
        worker = await register(store)
        await worker.complete(await worker.take())
        await driver.sees("claimed", "completed", "gpu1:0")
        second = await submit(store)
        await driver.sees(second)
        assert [event.name for event in driver.table.rows][-3:] == ["claimed", "completed", "submitted"]
        assert driver.table.cursor_row is driver.table.rows[-1]


async def test_the_cursor_stays_on_its_event_once_it_was_moved(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store) for _ in range(3)]
    async with dashboard(screen="events") as driver:
        await driver.sees(*jobs)
        await driver.press("up")
        assert driver.screen.id_here == jobs[1]
        new = await submit(store)
        await driver.sees(new)
        assert driver.screen.id_here == jobs[1]
        await driver.press("end")
        newer = await submit(store)
        await driver.sees(newer)
        assert driver.screen.id_here == newer


async def test_words_find_events_of_a_customer_a_worker_a_job_and_a_name(
    store: Store, dashboard: StartDashboard
) -> None:
    mine, other = await submit(store, customer_id="acme"), await submit(store, customer_id="globex")
    worker = await register(store)
    await worker.fail(await worker.take(), retryable=False)
    async with dashboard(screen="events") as driver:
        await driver.sees(mine, other, "failed")
        for words, names in (
            ("acme", ["submitted", "claimed", "failed"]),
            (f"{mine} failed", ["failed"]),
            ("gpu1:0 -claimed -worker", ["failed"]),
            (other, ["submitted"]),
        ):
            await driver.press("slash", "ctrl+u")
            await driver.type(words)
            await driver.press("enter")
            await driver.sees(f"Events {words}", "that were looked at")
            await wait_until(lambda names=names: [each.name for each in driver.table.rows] == names, words)  # type: ignore[misc]


async def test_p_pauses_and_loses_nothing(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="events") as driver:
        await driver.sees(job)
        await driver.press("p")
        await driver.sees("frozen")
        jobs = [await submit(store) for _ in range(40)]
        assert len(driver.table.rows) == 1
        await driver.press("p")
        await wait_until(lambda: [event.job for event in driver.table.rows] == [job, *jobs], "all of them")
        assert "missing" not in driver.text()


async def test_enter_jumps_to_the_job_and_w_to_the_worker(store: Store, dashboard: StartDashboard) -> None:
    opened: list[str] = []
    job = await submit(store)
    await (await register(store)).take()
    async with dashboard(screen="events") as driver:
        driver.app._go = lambda command: _note(opened, command)  # type: ignore[method-assign]
        await driver.sees(job, "claimed")
        await driver.press("enter", "w")
        await wait_until(lambda: opened == [f"job {job}", "worker gpu1:0"], "both")
        await driver.press("c")
        assert driver.app.clipboard == job
        await driver.press("y")
        assert driver.app.clipboard == "emp events --follow"


async def _note(opened: list[str], command: str) -> None:
    opened.append(command)


async def test_hostile_text_of_events_is_cleaned(store: Store, dashboard: StartDashboard) -> None:
    await submit(store)
    worker = await register(store)
    await worker.fail(await worker.take(), code="[red]\x1b]0;evil\x07\u202e" + "x" * 10_000)
    async with dashboard(screen="events", size=(80, 24)) as driver:
        await driver.sees("retrying")
        assert not {"\x1b", "\x07", "\u202e"} & set(driver.text())


async def test_only_the_newest_2000_are_kept_and_the_screen_says_so(store: Store, dashboard: StartDashboard) -> None:
    await submit_many(store, 1_990)
    async with dashboard(screen="events", size=(80, 24)) as driver:
        await driver.sees("1,990 events")
        await submit_many(store, 30)
        await driver.sees("2,000 events", "only the newest 2,000 are kept here, 20 older ones are not")
        table: RowTable[object] = driver.table
        assert len(table.rows) == 2_000


async def test_a_read_goes_on_from_the_last_event(store: Store, open_queue: OpenQueue) -> None:
    queue, read = await open_queue(), EventsRead(Words())
    jobs = [await submit(store) for _ in range(3)]
    assert [event.job for event in (await read.read(queue)).events] == jobs
    jobs += [await submit(store) for _ in range(3)]
    assert [event.job for event in (await read.read(queue)).events] == jobs
    seen = await read.read(queue)
    assert ([event.job for event in seen.events], seen.looked_at, seen.missed) == (jobs, 6, None)


async def test_a_read_says_if_more_happened_than_it_takes(store: Store, open_queue: OpenQueue) -> None:
    queue, read = await open_queue(), EventsRead(Words())
    await submit(store)
    await read.read(queue)
    await submit_many(store, 2_500)
    seen = await read.read(queue)
    assert len(seen.events) == 2_000
    assert seen.missed is not None
    assert seen.missed[0] <= seen.missed[1]


async def test_a_read_begins_anew_after_a_failover_that_lost_events(store: Store, open_queue: OpenQueue) -> None:
    queue, read = await open_queue(), EventsRead(Words())
    before = await submit(store)
    seen = await read.read(queue)
    read._place.last = replace(seen.events[-1], cursor=f"{await queue.now_ms() + 60_000}-0")
    after = await submit(store)
    seen = await read.read(queue)
    assert [event.job for event in seen.events] == [before, after]
    assert seen.missed is not None
    last = await submit(store)
    assert [event.job for event in (await read.read(queue)).events] == [before, after, last]
