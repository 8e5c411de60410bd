"""A terminal in which the screens have no room."""

import pytest

from emp_cli.tui.messages import Open
from emp_cli.tui.screens.dialogs import Confirm
from emp_cli.tui.screens.jobs import JobsScreen
from emp_cli.tui.screens.overview import OverviewScreen
from emp_cli.tui.widgets.key_line import KeyLine
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.cli.tui.conftest import Driver, StartDashboard
from tests.support.agents import states
from tests.support.builders import submit
from tests.support.waiting import wait_until

SMALL = (59, 16)


async def resize(driver: Driver, width: int, height: int) -> None:
    await driver.pilot.resize_terminal(width, height)
    await driver.pilot.pause()


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (20, 4)], ids=["narrow", "low", "tiny"])
async def test_a_terminal_that_is_too_small_says_its_size_and_what_is_needed(
    size: tuple[int, int], store: Store, dashboard: StartDashboard
) -> None:
    async with dashboard(screen="jobs", size=size) as driver:
        text = await driver.sees("needs", "16.")
        assert " ".join(text.split()) == (f"This terminal is {size[0]} x {size[1]}; the dashboard needs 60 x 16.")


async def test_the_smallest_terminal_that_is_large_enough_shows_the_screen(
    store: Store, dashboard: StartDashboard
) -> None:
    async with dashboard(size=(60, 16)) as driver:
        await driver.sees("Overview", "waiting")


async def test_a_terminal_that_grows_shows_the_screen_again(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        for _ in range(2):
            await resize(driver, *SMALL)
            await driver.sees("59 x 16")
            await resize(driver, 100, 30)
            await driver.sees("Jobs", job)
        assert len(driver.app.screen_stack) == 1


async def test_no_key_but_quit_does_anything_meanwhile(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await resize(driver, *SMALL)
        await driver.press("X", "y", "h", "3", "ctrl+p", "colon", "escape", "enter")
        await driver.pilot.click(offset=(5, 3))
        await driver.sees("59 x 16")
        await resize(driver, 100, 30)
        await driver.sees(job)
        assert isinstance(driver.app.screen, JobsScreen)
        assert await states(store, job) == [JobState.PENDING]
        await resize(driver, *SMALL)
        await driver.press("q")
        await wait_until(lambda: not driver.app.is_running, "the dashboard ends")


async def test_a_question_waits_until_the_terminal_is_large_enough(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await driver.press("X")
        await driver.sees("cancel 1 job")
        await resize(driver, *SMALL)
        await driver.press("y")
        await driver.sees("59 x 16")
        await resize(driver, 100, 30)
        assert isinstance(driver.app.screen, Confirm)
        await driver.press("n")
        await driver.sees(job)
        assert isinstance(driver.app.screen, JobsScreen)
        assert await states(store, job) == [JobState.PENDING]


async def test_a_screen_that_opens_meanwhile_is_hidden_too(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(size=SMALL) as driver:
        await driver.sees("59 x 16")
        for command in ("jobs", "workers", f"job {job}"):
            driver.app.post_message(Open(command))
            await driver.pilot.pause()
            assert "59 x 16" in driver.text()
        await resize(driver, 100, 30)
        await driver.sees(job, "Summary")
        await driver.press("escape")
        await driver.sees("Workers")
        await driver.press("1")
        await wait_until(lambda: isinstance(driver.app.screen, OverviewScreen), "the overview")
        assert len(driver.app.screen_stack) == 1


async def test_the_keys_of_a_screen_that_was_left_are_not_drawn() -> None:
    await KeyLine().recompose()
