"""Keys that are pressed before the dashboard has carried out the one before."""

import pytest
from textual.widgets import Input

from emp_cli.tui.screens.events import EventsScreen
from emp_cli.tui.screens.job.screen import JobScreen
from emp_cli.tui.screens.sorting import ChooseSort
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
