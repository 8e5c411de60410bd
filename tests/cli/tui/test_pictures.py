"""Every screen as it looks, at three sizes and in four plights. `pytest --snapshot-update` takes them anew."""

import pytest
from syrupy.assertion import SnapshotAssertion

from emp_cli.tui.ways import MODES
from tests.cli.tui import canned
from tests.cli.tui.canned import DONE, FAILED, NEVER, NEXT, RUNNING, Scene
from tests.cli.tui.pictures import Camera, camera

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)

COMMANDS = (*MODES, "worker gpu2:0")


TABS_OF_JOBS = (
    *((RUNNING, tab) for tab in ("summary", "timeline", "progress", "log", "payload")),
    *((FAILED, tab) for tab in ("summary", "timeline", "attempts")),
    (DONE, "files"),
    (NEXT, "explain"),
    (NEVER, "explain"),
)


async def all_are_as_before(shot: Camera, snapshot: SnapshotAssertion) -> None:
    for command in COMMANDS:
        drawn = await shot.of(command)
        assert "\x1b" not in drawn
        assert drawn == snapshot(name=command)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
async def test_each_screen_at_three_sizes(size: tuple[int, int], snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), size) as shot:
        await all_are_as_before(shot, snapshot)


async def test_hostile_text_changes_nothing_but_itself(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.hostile(), SMALL) as shot:
        await all_are_as_before(shot, snapshot)


async def test_an_empty_queue_says_so(snapshot: SnapshotAssertion) -> None:
    async with camera(Scene(), SMALL) as shot:
        await all_are_as_before(shot, snapshot)


async def test_a_thousand_workers(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.crowded(), SMALL) as shot:
        await all_are_as_before(shot, snapshot)


async def test_a_queue_that_is_away_leaves_what_was_seen(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        for command in COMMANDS:
            await shot.of(command)
        await shot.unplug()
        for command in COMMANDS:
            drawn = await shot.of(command)
            assert "stale" in drawn
            assert drawn == snapshot(name=command)


async def test_help_and_questions_are_in_front(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        await shot.of("jobs")
        assert await shot.after("question_mark") == snapshot(name="help")
        assert await shot.after("escape", "X") == snapshot(name="question")
        assert await shot.after("n", "colon") == snapshot(name="command line")
        assert await shot.after("escape", "slash") == snapshot(name="filter")


async def test_each_tab_of_a_worker_at_three_sizes(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        await shot.of("worker gpu2:0")
        for tab in ("offers", "queue", "ended"):
            await shot.after("tab")
            for size in (MIDDLE, LARGE, SMALL):
                assert await shot.at(size) == snapshot(name=f"{tab} at {size[0]}x{size[1]}")


async def test_a_light_terminal_of_16_colors(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        shot.app.theme = "ansi-light"
        await shot.of("overview")
        assert await shot.after() == snapshot(name="overview")
        await shot.of("jobs")
        assert await shot.after("space", "down") == snapshot(name="jobs")
        assert await shot.of_tab(NEXT, "explain") == snapshot(name="explain")


async def test_each_tab_of_a_job_at_three_sizes(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        for job, tab in TABS_OF_JOBS:
            await shot.of_tab(job, tab)
            for size in (MIDDLE, LARGE, SMALL):
                assert await shot.at(size) == snapshot(name=f"{tab} of {job} at {size[0]}x{size[1]}")


async def test_hostile_text_changes_nothing_but_itself_in_a_job(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.hostile(), SMALL) as shot:
        for job, tab in TABS_OF_JOBS:
            drawn = await shot.of_tab(job, tab)
            assert "\x1b" not in drawn
            assert drawn == snapshot(name=f"{tab} of {job}")


async def test_a_job_that_is_not_there_and_one_whose_queue_is_away(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        assert await shot.of("job nosuchjob") == snapshot(name="no such job")
        await shot.of_tab(NEXT, "attempts")
        assert await shot.after() == snapshot(name="no attempts")
        await shot.of_tab(RUNNING, "progress")
        await shot.unplug()
        assert await shot.after() == snapshot(name="stale")


async def test_the_choice_of_a_sort_is_in_front(snapshot: SnapshotAssertion) -> None:
    async with camera(canned.usual(), SMALL) as shot:
        await shot.of("workers")
        assert await shot.after("s") == snapshot(name="sort")
