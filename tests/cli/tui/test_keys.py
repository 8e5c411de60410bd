"""Every key: `TESTED` names the test that presses it, and the tests here press those that no other test does."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import Input

import emp_cli.tui
from emp_cli.tui.screens.command_line import CommandLine
from emp_cli.tui.screens.dialogs import Ask, Confirm
from emp_cli.tui.screens.events import EventsScreen
from emp_cli.tui.screens.groups import GroupsScreen
from emp_cli.tui.screens.help import HelpScreen
from emp_cli.tui.screens.jobs import JobsScreen
from emp_cli.tui.screens.sorting import ChooseSort
from emp_cli.tui.widgets.document import Document
from emp_cli.tui.widgets.links import Links
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.cli.tui.conftest import Driver, StartDashboard, opened_job
from tests.support.agents import states
from tests.support.builders import register, submit
from tests.support.waiting import wait_until

TESTED: Mapping[str, Mapping[str, str]] = {
    "Dashboard": {
        "test_number_keys_lead_to_the_screens": "1 2 3",
        "test_number_keys_lead_to_the_groups_and_events": "4 5 6 7 8",
        "test_help_lists_the_keys_of_the_screen": "question_mark",
        "test_a_colon_takes_a_command": "colon",
        "test_y_copies_the_command_and_c_the_id": "y c",
        "test_p_pauses_and_loses_nothing": "p",
        "test_r_reads_what_a_frozen_screen_does_not_show": "r",
        "test_a_hold_is_undone": "z",
        "test_jobs_are_found_marked_and_cancelled_at_80_by_24": "q",
        "test_ctrl_c_quits": "ctrl+c",
    },
    "QueueScreen": {"test_enter_on_a_job_of_the_list_opens_it": "escape"},
    "Choose": {"test_a_filter_is_kept_taken_and_deleted": "escape D"},
    "ChooseColumns": {"test_columns_are_chosen": "escape enter"},
    "CommandLine": {"test_questions_are_left_by_their_keys": "escape"},
    "Confirm": {
        "test_marked_jobs_are_cancelled_once_it_is_confirmed": "y",
        "test_an_order_that_is_not_confirmed_is_not_given": "n",
        "test_questions_are_left_by_their_keys": "escape q",
    },
    "Ask": {
        "test_questions_are_left_by_their_keys": "escape",
        "test_a_filter_is_kept_taken_and_deleted": "enter",
    },
    "HelpScreen": {
        "test_help_lists_the_keys_of_the_screen": "escape",
        "test_questions_are_left_by_their_keys": "question_mark q",
    },
    "ChooseSort": {"test_questions_are_left_by_their_keys": "escape s q"},
    "EventsScreen": {"test_enter_jumps_to_the_job_and_w_to_the_worker": "w"},
    "FilesPane": {"test_files_are_saved_where_it_is_asked": "w"},
    "DocumentPane": {"test_a_search_marks_and_steps_through_its_matches": "slash n N escape"},
    "JobScreen": {
        "test_tabs_are_turned_by_keys": "e",
        "test_orders_are_for_this_job": "X h u t plus",
        "test_a_running_job_is_requeued": "Q",
        "test_a_job_that_is_deleted_meanwhile_says_so": "D",
    },
    "JobsScreen": {
        "test_a_filter_is_typed_behind_a_slash": "slash",
        "test_all_that_match_are_cancelled_also_those_not_in_memory": "a X",
        "test_s_sorts_the_jobs_in_memory": "s",
        "test_a_filter_is_kept_taken_and_deleted": "f",
        "test_columns_are_chosen": "w",
        "test_a_hold_is_undone": "h",
        "test_a_new_priority_is_asked_for_and_undone": "plus",
        "test_jobs_are_unheld_requeued_retried_and_deleted": "u t Q D",
    },
    "ListScreen": {
        "test_a_list_is_found_by_words": "slash",
        "test_s_sorts_by_a_column_and_again_in_reverse": "s",
    },
    "TabbedScreen": {
        "test_tabs_are_turned_by_keys": "tab right_square_bracket right shift+tab left_square_bracket left",
    },
    "WorkerScreen": {
        "test_it_is_paused_resumed_and_drained": "h u D",
    },
    "WorkersScreen": {
        "test_one_worker_is_paused_and_resumed_without_a_question": "h u",
        "test_marked_workers_are_drained_with_a_reason_once_it_is_confirmed": "D",
        "test_g_shows_workers_that_are_gone": "g",
    },
    "Document": {
        "test_the_cursor_of_a_log_is_moved_by_keys": "up k down j pageup pagedown home g end",
        "test_parents_and_children_are_shown_and_opened": "enter",
    },
    "FilterBar": {
        "test_a_mistake_in_a_filter_is_shown_with_a_caret": "escape",
        "test_a_filter_is_kept_taken_and_deleted": "ctrl+s",
        "test_escape_clears_the_filter_of_a_first_screen": "enter",
    },
    "Links": {
        "test_the_cursor_of_the_overview_is_moved_by_keys": "right l left down j up k",
        "test_enter_on_a_number_opens_the_list_behind_it": "enter",
    },
    "RowTable": {
        "test_the_cursor_of_a_table_is_moved_by_keys": "up k down j pageup pagedown home end",
        "test_rows_are_marked_by_ranges": "shift+up shift+down v",
        "test_enter_on_a_job_of_the_list_opens_it": "enter",
        "test_marked_jobs_are_cancelled_once_it_is_confirmed": "space",
    },
    "OverviewScreen": {"test_one_leads_back_to_the_overview": "1"},
    "WordsBar": {"test_a_list_is_found_by_words": "escape enter"},
}
"""Class -> test -> the keys of the class that it presses."""


def bindings() -> Iterator[tuple[str, str]]:
    """Each class of the dashboard, with each key that it binds itself."""
    for module in pkgutil.walk_packages(emp_cli.tui.__path__, "emp_cli.tui."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, DOMNode) and each.__module__ == module.name:
                own = vars(each).get("BINDINGS", ())
                yield from ((each.__name__, binding.key) for binding in Binding.make_bindings(own))


def texts_of_tests() -> dict[str, str]:
    """The name of each test of the dashboard, and its text."""
    found: dict[str, str] = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = ast.get_source_segment(text, node) or ""
    return found


def test_every_key_has_a_test_that_presses_it() -> None:
    named = [
        (name, key, test) for name, tests in TESTED.items() for test, keys in tests.items() for key in keys.split()
    ]
    assert sorted((name, key) for name, key, _ in named) == sorted(bindings())
    texts = texts_of_tests()
    assert [(test, key) for _, key, test in named if f'"{key}"' not in texts.get(test, "")] == []


async def test_number_keys_lead_to_the_groups_and_events(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        for key, word in (("4", "Classes"), ("5", "Models"), ("6", "Customers"), ("7", "Workflows")):
            await driver.press(key)
            assert isinstance(driver.screen, GroupsScreen)
            assert driver.screen.crumb == word
        await driver.press("8")
        assert isinstance(driver.screen, EventsScreen)


async def test_one_leads_back_to_the_overview(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await driver.sees("Overview", "1-8 Screens")
        await driver.press("2")
        await driver.sees("the queue has no jobs")
        await driver.press("1")
        await driver.sees("Overview")


async def test_escape_clears_the_filter_of_a_first_screen(store: Store, dashboard: StartDashboard) -> None:
    mine, other = await submit(store, customer_id="acme"), await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(mine, other)
        await driver.press("slash")
        await driver.type("customer:acme")
        await driver.press("enter")
        await driver.sees("Jobs customer:acme", "1-1 of 1")
        await driver.press("escape")
        await driver.sees(mine, other, "1-2 of 2")
        assert "customer:acme" not in driver.text()


async def test_escape_clears_the_words_of_a_first_screen(store: Store, dashboard: StartDashboard) -> None:
    for name in ("gpu1:0", "gpu2:0"):
        await register(store, name)
    async with dashboard(screen="workers") as driver:
        await driver.sees("2 workers")
        await driver.press("slash")
        await driver.type("gpu2")
        await driver.press("enter")
        await driver.sees("1 of 2 workers")
        await driver.press("escape")
        await driver.sees("2 workers", "gpu1:0")


async def test_r_reads_what_a_frozen_screen_does_not_show(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs") as driver:
        await driver.sees("the queue has no jobs")
        await driver.press("p")
        await driver.sees("frozen")
        job = await submit(store)
        await driver.press("r")
        await driver.sees("frozen", job)


async def test_ctrl_c_quits(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await driver.sees("Overview")
        await driver.press("ctrl+c")
        assert driver.app.return_code == 0


async def test_a_filter_is_kept_taken_and_deleted(store: Store, dashboard: StartDashboard) -> None:
    mine, other = await submit(store, customer_id="acme"), await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(mine, other)
        await driver.press("slash")
        await driver.type("customer:acme")
        await driver.press("ctrl+s")
        await driver.sees("name of this filter")
        await driver.type("mine")
        await driver.press("enter")
        await driver.sees("kept as mine")
        await driver.press("escape", "f")
        await driver.sees("saved filters", "mine", "customer:acme")
        await driver.press("escape", "f", "enter")
        await driver.sees("Jobs customer:acme", "1-1 of 1")
        await driver.press("f", "D")
        await driver.sees("deleted the filter mine")
        await driver.press("f")
        await driver.sees("no filter was kept")


async def test_columns_are_chosen(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job, "STATE")
        await driver.press("w")
        await driver.sees("space takes one in or out")
        await driver.press("down", "space", "escape")
        await driver.sees(job, "STATE")
        await driver.press("w")
        await driver.press("down", "space", "enter")
        await wait_until(lambda: job in driver.text() and "STATE" not in driver.text(), "the column is gone")


async def in_front(driver: Driver, screen: type[Screen[Any]]) -> None:
    await wait_until(lambda: isinstance(driver.app.screen, screen), f"{screen.__name__} is in front")


async def test_questions_are_left_by_their_keys(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job)
        ways = (
            ("X", Confirm, ("escape", "q")),
            ("question_mark", HelpScreen, ("question_mark", "q")),
            ("s", ChooseSort, ("escape", "s", "q")),
            ("colon", CommandLine, ("escape",)),
            ("plus", Ask, ("escape",)),
        )
        for key, screen, exits in ways:
            for leave in exits:
                await driver.press(key)
                await in_front(driver, screen)
                await driver.press(leave)
                await in_front(driver, JobsScreen)
    assert await states(store, job) == [JobState.PENDING]


async def test_jobs_are_unheld_requeued_retried_and_deleted(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    async with dashboard(screen="jobs") as driver:
        await driver.sees(job, "active")
        await driver.press("Q")
        await driver.sees("requeue 1 job: 1 active?")
        await driver.press("y")
        await driver.sees("1 job is requeued", "pending")
        await store.broker.hold(job)
        await driver.sees("held")
        await driver.press("u")
        await driver.sees("1 job is no longer held", "pending")
        await store.broker.cancel(job)
        await driver.sees("cancelled")
        await driver.press("t")
        await driver.sees("1 job is retried", "pending")
        await store.broker.cancel(job)
        await driver.sees("cancelled")
        await driver.press("D")
        await driver.sees("delete 1 job: 1 cancelled?")
        await driver.press("y")
        await driver.sees("the queue has no jobs")


async def test_a_list_is_found_by_words(store: Store, dashboard: StartDashboard) -> None:
    for name in ("gpu1:0", "gpu2:0"):
        await register(store, name)
    async with dashboard(screen="workers") as driver:
        await driver.sees("2 workers")
        await driver.press("slash")
        await driver.type("gpu2")
        await driver.press("enter")
        await driver.sees("1 of 2 workers")
        await driver.press("slash")
        await driver.type("x")
        await driver.press("escape")
        await driver.sees("1 of 2 workers")
        assert driver.screen.query_one(Input).value == "gpu2"


async def test_the_cursor_of_a_log_is_moved_by_keys(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.report(await worker.take(), lines=tuple(f"line {number}" for number in range(100)))
    async with opened_job(dashboard, job, "log", size=(80, 24)) as driver:
        await driver.sees("line 99")
        document = driver.screen.query_one("#log Document", Document)
        page = document.size.height - 1
        ways = {"home": 0, "down": 1, "j": 2, "up": 1, "k": 0, "pagedown": page, "pageup": 0, "end": 99, "g": 0}
        for key, place in ways.items():
            await driver.press(key)
            assert document._cursor == place, key


async def test_the_cursor_of_the_overview_is_moved_by_keys(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    async with dashboard() as driver:
        await driver.sees("pending", "1 ready")
        links = driver.screen.query_one("#numbers", Links)
        pending, delayed, active = "jobs status:pending", "jobs status:delayed", "jobs status:active"
        await driver.press("right", "left")
        for key, back, place in (
            ("right", "left", delayed),
            ("l", "left", delayed),
            ("down", "up", active),
            ("j", "k", active),
        ):
            await driver.press(key)
            assert links.at == place, key
            await driver.press(back)
            assert links.at == pending, back


async def test_the_cursor_of_a_table_is_moved_by_keys(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store) for _ in range(40)]
    async with dashboard(screen="jobs", size=(80, 24)) as driver:
        await driver.sees("1-40 of 40")
        page = driver.table.size.height - 2
        ways = {"down": 1, "j": 2, "up": 1, "k": 0, "pagedown": page, "pageup": 0, "end": 39, "home": 0}
        for key, place in ways.items():
            await driver.press(key)
            assert driver.table.cursor_key == jobs[place], key


async def test_rows_are_marked_by_ranges(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store) for _ in range(6)]
    async with dashboard(screen="jobs") as driver:
        await driver.sees("1-6 of 6")
        await driver.press("shift+down")
        assert set(driver.table.marks) == set(jobs[:2])
        await driver.press("down", "down", "v")
        assert set(driver.table.marks) == set(jobs[:4])
        await driver.press("escape", "end", "shift+up")
        assert set(driver.table.marks) == set(jobs[4:])
