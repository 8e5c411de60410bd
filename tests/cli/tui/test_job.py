"""The job screen, by its keys, on a real queue."""

import pytest

from emp_cli.tui import ways
from emp_cli.tui.messages import Open
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.job.screen import TABS, JobScreen
from emp_cli.tui.screens.jobs import JobsScreen
from emp_core.domain.filter import EVERY_JOB
from emp_core.domain.outcome import Failure
from emp_core.domain.states import JobState
from emp_core.store import Preview, Store, failed
from tests.cli.tui.conftest import StartDashboard, opened_job
from tests.support.agents import states
from tests.support.builders import register, submit
from tests.support.waiting import wait_until

HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J \u202egnp.exe [bold]b[/bold] [/] \u2066x" + "long " * 2_000


@pytest.fixture
def workers_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The workers whose screens were opened."""
    found: list[str] = []

    def note(name: str) -> QueueScreen:
        found.append(name)
        return JobsScreen(EVERY_JOB)

    monkeypatch.setitem(ways.BEHIND, "worker", note)
    return found


async def test_enter_on_a_job_of_the_list_opens_it(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store, customer_id="acme", labels={"batch": "42"})
    async with dashboard(screen="jobs", size=(80, 24)) as driver:
        await driver.sees(job)
        await driver.press("enter")
        await driver.sees(f"Jobs > Job {job}", f"{job} pending", "customer    acme", "labels      batch=42")
        await driver.press("escape")
        await driver.sees("1-1 of 1")


async def test_the_first_characters_of_an_id_open_a_job(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with opened_job(dashboard, job[:6]) as driver:
        await driver.sees(f"Job {job}")
        assert driver.screen.id_here == job


async def test_an_id_that_no_job_has_is_said(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard(screen="jobs") as driver:
        driver.app.post_message(Open("job nosuchjob"))
        await driver.sees("no job nosuchjob")


async def test_tabs_are_turned_by_keys(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with opened_job(dashboard, job) as driver:
        screen = driver.screen
        assert isinstance(screen, JobScreen)
        for key in ("tab", "right_square_bracket", "right"):
            seen = [screen.tab]
            for _ in TABS:
                await driver.press(key)
                seen.append(screen.tab)
            assert seen == [*TABS, TABS[0]], key
        for key in ("shift+tab", "left_square_bracket", "left"):
            seen = [screen.tab]
            for _ in TABS:
                await driver.press(key)
                seen.append(screen.tab)
            assert seen == [TABS[0], *reversed(TABS)], key
        await driver.press("e")
        await driver.sees("can start")


async def test_y_copies_the_command_of_the_tab_and_c_the_id(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    commands = {
        "summary": f"emp job show {job}",
        "explain": f"emp explain {job}",
        "timeline": f"emp job events {job}",
        "progress": f"emp job follow {job}",
        "log": f"emp job logs {job} --follow",
        "payload": f"emp job show {job} --payload",
        "attempts": f"emp job show {job}",
        "files": f"emp job result {job} --output-dir .",
    }
    async with opened_job(dashboard, job) as driver:
        for tab in TABS:
            await driver.press("y")
            assert driver.app.clipboard == commands[tab]
            await driver.press("tab")
        await driver.press("c")
        assert driver.app.clipboard == job


async def test_orders_are_for_this_job(store: Store, dashboard: StartDashboard) -> None:
    job, other = await submit(store, priority=30), await submit(store)
    async with opened_job(dashboard, job) as driver:
        await driver.press("h")
        await driver.sees("1 job is held; z undoes it", f"{job} held")
        await driver.press("u")
        await driver.sees(f"{job} pending")
        await driver.press("plus")
        await driver.sees("new priority, 0 to 100")
        await driver.type("90")
        await driver.press("enter")
        await driver.sees("priority 90")
        await driver.press("X")
        await driver.sees("cancel 1 job: 1 pending?")
        await driver.press("y")
        await driver.sees(f"{job} cancelled")
        await driver.press("t")
        await driver.sees(f"{job} pending")
    assert await states(store, job, other) == [JobState.PENDING, JobState.PENDING]


async def test_a_running_job_is_requeued(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    async with opened_job(dashboard, job) as driver:
        await driver.sees(f"{job} active")
        await driver.press("Q")
        await driver.sees("requeue 1 job: 1 active?")
        await driver.press("y")
        await driver.sees(f"{job} pending")


async def test_a_job_that_is_deleted_meanwhile_says_so(store: Store, dashboard: StartDashboard) -> None:
    job, longer = await submit(store, id="film"), await submit(store, id="film2")
    await store.broker.cancel(job)
    async with opened_job(dashboard, job) as driver:
        await driver.sees("film cancelled")
        await driver.press("D")
        await driver.sees("delete 1 job")
        await driver.press("y")
        await driver.sees("job film was deleted; this is what was last seen", "service")
        await driver.press("X", "y")
        await driver.sees("no job to cancel")
    assert await states(store, longer) == [JobState.PENDING]


@pytest.mark.damages
async def test_a_damaged_job_is_shown_as_corrupt(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    await store.link.call("HDEL", store.link.key(f"job:{job}"), "spec")
    async with opened_job(dashboard, job) as driver:
        await driver.sees(f"{job} is corrupt", "the hub tries to repair it")
        for _ in TABS:
            await driver.press("tab")
            await driver.sees(f"{job} is corrupt")


async def test_parents_and_children_are_shown_and_opened(store: Store, dashboard: StartDashboard) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    async with opened_job(dashboard, parent) as driver:
        await driver.sees("jobs that wait for it", child)
        await driver.press("end", "enter")
        await driver.sees(f"Job {parent} > Job {child}", "jobs that it depends on")
        await driver.press("end", "enter")
        await wait_until(lambda: driver.screen.id_here == parent, "the screen of the parent")


async def test_enter_on_the_customer_lists_the_customers_jobs(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store, customer_id="acme")
    async with opened_job(dashboard, job) as driver:
        await driver.sees("customer    acme")
        await driver.press("down", "down", "enter")
        await driver.sees("Jobs customer:acme", "1-1 of 1")


async def test_explain_folds_workers_and_opens_one(
    store: Store, dashboard: StartDashboard, workers_opened: list[str]
) -> None:
    for index in range(3):
        await register(store, f"gpu{index + 1}:0", machine=f"gpu{index + 1}")
    await register(store, "big:0", machine="big", gpu_memory_gb=40)
    job = await submit(store, requirements={"gpu_memory_gb": 48})
    async with opened_job(dashboard, job, "explain", size=(80, 24)) as driver:
        text = await driver.sees("can start: never", "nearest: big:0 would fit if gpu_memory_gb were 48 (has 40)")
        rows = [row.split()[1] for row in text.splitlines() if " never " in row]
        assert rows == ["big:0", "gpu[1-3]:0"]
        await driver.press("end", "enter")
        await driver.sees("gpu2:0  gpu_memory_gb: needs 48 GB, worker has 24 GB")
        await driver.press("down", "down")
        assert driver.screen.id_here == "gpu2:0"
        await driver.press("enter")
        await driver.sees("1-1 of 1")
    assert workers_opened == ["gpu2:0"]


async def test_explain_shows_long_cells_whole(store: Store, dashboard: StartDashboard) -> None:
    await register(store, models={"comfyui": ["flux"]}, gpu_memory_gb=8)
    models = [f"model-number-{number}.safetensors" for number in range(4)]
    job = await submit(store, requirements={"gpu_memory_gb": 48, "models": models})
    async with opened_job(dashboard, job, "explain", size=(80, 40)) as driver:
        text = await driver.sees("HARDWARE", "MODELS")
        table = text[text.index("WORKERS") :]
        assert "…" not in table
        assert all(name in "".join(table.split()) for name in models)


async def test_explain_says_what_is_ahead(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    running, ahead = await submit(store), await submit(store, customer_id="globex")
    await worker.take()
    job = await submit(store)
    async with opened_job(dashboard, job, "explain") as driver:
        await driver.sees("1 job is ahead of it", "ahead of it, the next first", "globex", "busy: 1 of 1 slots")
    assert await states(store, running, ahead) == [JobState.ACTIVE, JobState.PENDING]


async def test_the_timeline_shows_states_attempts_and_reasons(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take(), code="out_of_memory")
    async with opened_job(dashboard, job, "timeline", size=(80, 24)) as driver:
        text = await driver.sees("submitted", "claimed", "retrying", "■ pending", "■ delayed", "error: it broke")
        assert "#1" in text
        assert "█" * 77 in text, "the line, but for its indentation and the scrollbar"


async def test_the_timeline_says_that_events_are_missing(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    for _ in range(101):
        await store.broker.hold(job)
        await store.broker.unhold(job)
    async with opened_job(dashboard, job, "timeline") as driver:
        await driver.sees("only the last 200 events are kept")


async def test_progress_is_live(store: Store, dashboard: StartDashboard, workers_opened: list[str]) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    async with opened_job(dashboard, job, "progress", size=(80, 24)) as driver:
        await driver.sees("no progress is known", "worker      gpu1:0", "lease       ends in")
        await worker.report(claim, percent=25.0, message="sampling")
        await driver.sees("25.0 %", "sampling", "█" * 17 + "░")
        await driver.press("end", "up", "up", "enter")
        await driver.sees("1-1 of 1")
    assert workers_opened == ["gpu1:0"]


async def test_hostile_text_is_shown_as_text_on_every_tab(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store, payload={HOSTILE: HOSTILE}, labels={"note": "[/] [bold]b"})
    claim = await worker.take()
    await worker.report(claim, percent=50.0, message=HOSTILE[:60], lines=(HOSTILE[:4_000],))
    failure = Failure(message=HOSTILE, retryable=False, detail={HOSTILE: [HOSTILE]})
    await worker.settle(failed(claim, failure))
    async with opened_job(dashboard, job, size=(80, 24)) as driver:
        for tab in TABS:
            await driver.sees(f"{job} failed")
            text = driver.text()
            assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u2066"} & set(text), tab
            if tab in ("summary", "log", "payload", "attempts"):
                await driver.sees("[bold]b")
            await driver.press("tab")


async def test_the_preview_of_a_watched_job_is_shown(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    async with opened_job(dashboard, job, "progress", size=(80, 24)) as driver:

        async def watched() -> bool:
            return await worker.report(claim, percent=50.0) == "watched"

        await wait_until(watched, "somebody who asks for previews")
        picture = Preview("image/x-portable-pixmap", b"P6 2 2 255\n" + bytes(range(12)))
        assert await store.previews.keep(worker.id, claim, picture) == "ok"
        await driver.sees("▀▀▀▀▀▀▀▀▀▀")
        assert await store.previews.keep(worker.id, claim, Preview("image/png", b"\x1b[31m")) == "ok"
        await driver.sees("the preview cannot be shown: image/png, 5 B")
        large = Preview("image/png", b"x" * 200_000)
        assert await store.previews.keep(worker.id, claim, large) == "large"
        await driver.sees("the preview is too large: image/png, 200.0 kB; at most 131.1 kB are shown")


async def test_a_job_that_nobody_watches_is_not_asked_for_previews(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    async with opened_job(dashboard, job) as driver:
        await driver.sees(f"{job} active")
        assert await worker.report(claim, percent=50.0) == "ok"
