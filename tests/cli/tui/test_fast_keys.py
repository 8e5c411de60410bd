"""Keys that are pressed before the dashboard has carried out the one before."""

import pytest
from textual.widgets import Input

from emp_cli.tui.screens.events import EventsScreen
from emp_cli.tui.screens.job.screen import JobScreen
from emp_cli.tui.screens.sorting import ChooseSort
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.cli.tui.conftest import Driver, StartDashboard, opened_job
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


async def typed(driver: Driver, text: str) -> None:
    def is_typed() -> bool:
        field = driver.app.focused
        return isinstance(field, Input) and field.value == text

    await wait_until(is_typed, f"{text!r} in the field, on\n{driver.text()}")


async def test_a_search_in_a_job_takes_each_letter(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.report(await worker.take(), lines=("an error", "t/e"))
    async with opened_job(dashboard, job, "log") as driver:
        await driver.sees("an error")
        await driver.rush("slash", "e", "r", "r")
        await typed(driver, "err")
        await driver.press("escape")
        await driver.rush("slash", "t", "/", "e")
        await typed(driver, "t/e")
        await driver.sees("1 line matches")
        assert isinstance(driver.screen, JobScreen)


@pytest.mark.parametrize("screen", ["jobs", "workers", "classes", "events"])
async def test_a_filter_takes_each_letter(store: Store, dashboard: StartDashboard, screen: str) -> None:
    async with dashboard(screen=screen) as driver:
        await driver.sees(screen.capitalize())
        await driver.rush("slash", "s", "a", "g", "e")
        await typed(driver, "sage")


async def test_the_command_line_takes_each_letter(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await driver.sees("Overview")
        await driver.rush("colon", "e", "v", "e", "n", "t", "s", "enter")
        await wait_until(lambda: isinstance(driver.app.screen, EventsScreen), "the events' screen")


@pytest.mark.parametrize("screen", ["jobs", "job {job}"])
async def test_a_new_priority_takes_each_digit(store: Store, dashboard: StartDashboard, screen: str) -> None:
    job = await submit(store, priority=30)
    async with dashboard(screen=screen.format(job=job)) as driver:
        await driver.sees(job, "30")
        await driver.rush("plus", "8", "7", "enter")
        await driver.sees("1 job is at priority 87")


async def test_the_choice_of_a_sort_takes_each_key(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0")
        await driver.rush("s", "down", "enter")
        await driver.sees("sorted by worker")
        assert not isinstance(driver.app.screen, ChooseSort)


async def test_the_name_of_a_kept_filter_takes_each_letter(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs") as driver:
        await driver.sees("the queue has no jobs")
        await driver.rush("slash", *"customer:acme", "ctrl+s", *"mine", "enter")
        await driver.sees("kept as mine")
        assert driver.screen.preferences.filters == {"mine": "customer:acme"}


@pytest.mark.parametrize("screen", ["workers", "worker gpu1:0"])
@pytest.mark.parametrize(("keys", "state"), [("h", WorkerState.PAUSED), ("D", WorkerState.DRAINING)])
async def test_the_reason_of_an_order_to_workers_takes_each_letter(
    store: Store, dashboard: StartDashboard, screen: str, keys: str, state: WorkerState
) -> None:
    await register(store, "gpu1:0")
    async with dashboard(screen=screen) as driver:
        await driver.sees("gpu1:0", "ready")
        await driver.rush(*keys, *"huD", "enter")
        if keys == "D":
            await driver.sees("drain 1 worker, 0 jobs running?")
            await driver.press("y")
        await driver.sees(f"ready -> {state}")
    worker = await store.inspector.worker("gpu1:0")
    assert (worker.state, worker.reason) == (state, "huD")


async def test_keys_behind_a_filter_are_for_its_jobs(store: Store, dashboard: StartDashboard) -> None:
    await submit(store)
    mine = await submit(store, customer_id="acme")
    async with dashboard(screen="jobs") as driver:
        await driver.sees("1-2 of 2")
        await driver.rush("slash", *"customer:acme", "enter", "space", "s")
        await wait_until(lambda: isinstance(driver.app.screen, ChooseSort), "the choice of a sort")
        await driver.press("escape")
        await driver.sees("1-1 of 1", mine)
        assert "customer:acme " not in driver.text().splitlines()[1]


async def test_keys_behind_words_are_for_the_rows_found(store: Store, dashboard: StartDashboard) -> None:
    for name in ("gpu1:0", "gpu2:0"):
        await register(store, name)
    async with dashboard(screen="workers") as driver:
        await driver.sees("2 workers")
        await driver.rush("slash", *"gpu2", "enter", "space")
        await driver.sees("1 of 2 workers", "1 marked")
        assert set(driver.table.marks) == {"gpu2:0"}
