"""The ways between screens, help, palette, and what the first line says."""

from textual.widgets._footer import FooterKey

from emp_cli.tui.screens.command_line import CommandLine
from emp_cli.tui.screens.help import HelpScreen
from emp_cli.tui.screens.jobs import JobsScreen
from emp_cli.tui.screens.overview import OverviewScreen
from emp_cli.tui.screens.workers import WorkersScreen
from emp_core.store import Store
from tests.cli.tui.conftest import StartDashboard
from tests.support.builders import submit
from tests.support.waiting import wait_until


async def test_number_keys_lead_to_the_screens(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        for key, screen in (("2", JobsScreen), ("3", WorkersScreen), ("1", OverviewScreen)):
            await driver.press(key)
            assert isinstance(driver.screen, screen)


async def test_a_screen_keeps_what_was_opened_from_it(store: Store, dashboard: StartDashboard) -> None:
    await submit(store, customer_id="acme")
    async with dashboard(screen="jobs") as driver:
        await driver.press("slash")
        await driver.type("customer:acme")
        await driver.press("enter", "1")
        await driver.sees("Overview")
        await driver.press("2")
        await driver.sees("Jobs customer:acme")


async def test_a_colon_takes_a_command(store: Store, dashboard: StartDashboard) -> None:
    mine, other = await submit(store, customer_id="acme"), await submit(store)
    async with dashboard() as driver:
        await driver.press("colon")
        assert isinstance(driver.app.screen, CommandLine)
        await driver.type("jobs customer:acme")
        await driver.press("enter")
        text = await driver.sees("Overview > Jobs customer:acme", mine)
        assert other not in text
        await driver.press("escape")
        await wait_until(lambda: isinstance(driver.app.screen, OverviewScreen), "back at the overview")


async def test_a_misspelt_command_is_refused_with_a_suggestion(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await driver.press("colon")
        await driver.type("wrokers")
        await driver.press("enter")
        await driver.sees("'wrokers' is no screen", "workers")
        assert isinstance(driver.screen, OverviewScreen)


async def test_help_lists_the_keys_of_the_screen(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs", size=(100, 60)) as driver:
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.sees("Keys: Jobs", "Cancel", "Requeue", "Delete", "Undo", "Freeze")
        await driver.press("escape")
        assert isinstance(driver.screen, JobsScreen)


async def test_the_palette_leads_to_screens_and_runs_keys(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await driver.press("ctrl+p")
        await driver.type("workers")
        await wait_until(lambda: "go to workers" in driver.text(), "the palette finds it")
        await driver.press("enter")
        await wait_until(lambda: isinstance(driver.app.screen, WorkersScreen), "the workers' screen")


async def test_a_key_of_a_screen_does_nothing_behind_a_question(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        await driver.press("X")
        await driver.sees("cancel 1 job: 1 pending?")
        await driver.press("3", "p", "n")
        await wait_until(lambda: isinstance(driver.app.screen, JobsScreen), "the question is gone")
        assert "frozen" not in driver.text()


async def test_a_chosen_theme_is_kept(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        driver.app.theme = "ansi-dark"
        await driver.pilot.pause()
        await driver.sees("Overview")
    async with dashboard() as driver:
        assert driver.app.theme == "ansi-dark"


async def test_a_screen_that_is_seen_again_keeps_its_line_of_keys(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs") as driver:
        await driver.press("1", "2")
        await driver.sees("Cancel")
        before = list(driver.screen.query(FooterKey))
        await driver.press("1", "2")
        assert before
        assert list(driver.screen.query(FooterKey)) == before


async def test_css_is_parsed_anew_for_another_theme_and_not_for_another_screen(
    store: Store, dashboard: StartDashboard
) -> None:
    async with dashboard(screen="jobs") as driver:
        await driver.sees("Cancel")
        sheet = driver.app.stylesheet
        before = [rule for rule in sheet.rules if not rule.is_default_rules]
        await driver.press("3")
        assert before
        assert all(any(rule is old for rule in sheet.rules) for old in before)
        driver.app.theme = "emp-light"
        await driver.pilot.pause()
        assert not any(rule is old for rule in sheet.rules for old in before)


async def test_start_with_the_jobs_makes_no_other_screen(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs") as driver:
        assert driver.app._screen_stacks.keys() == {"_default", "jobs"}
