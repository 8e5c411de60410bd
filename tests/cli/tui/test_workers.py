"""The workers' screen, by its keys, on a real queue."""

import pytest

from emp_cli.tui.app import Dashboard
from emp_cli.tui.screens.dialogs import Ask, Confirm
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.cli.tui.conftest import Driver, StartDashboard
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


async def state(store: Store, worker: str) -> WorkerState:
    return (await store.inspector.worker(worker)).state


async def dialog(driver: Driver, kind: type) -> None:
    await wait_until(lambda: isinstance(driver.app.screen, kind), f"a {kind.__name__} in front")


async def test_it_lists_workers_with_their_slots_services_and_note(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store, "gpu1:0", slots=2)
    await submit(store)
    await worker.take()
    await register(store, "gpu2:0", probed="comfyui=down\ncomfyui 1767225600000 no answer")
    async with dashboard(screen="workers", size=(120, 24)) as driver:
        text = await driver.sees("gpu1:0", "1/2", "GPU 24 GB", "comfyui (down)", "no answer", "2 workers")
        assert "1 of 3 slots busy" in text


async def test_words_find_workers_by_any_column(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0", region="eu")
    await register(store, "gpu2:0", services=["ollama"], probed="ollama=up")
    await store.registry.steer("gpu2:0", WorkerState.PAUSED, reason="driver update")
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0", "gpu2:0")
        await driver.press("slash")
        await driver.type("Ollama driver")
        await driver.press("enter")
        await driver.sees("1 of 2 workers", "Workers Ollama driver")
        assert driver.keys == ["gpu2:0"]
        await driver.press("slash", "ctrl+u")
        await driver.type("-paused")
        await driver.press("enter")
        await wait_until(lambda: driver.keys == ["gpu1:0"], "the worker that is not paused")
        await driver.press("slash", "ctrl+u")
        await driver.type("nothing")
        await driver.press("escape")
        assert driver.keys == ["gpu1:0"]
        await driver.press("slash", "ctrl+u")
        await driver.type("nothing")
        await driver.press("enter")
        await driver.sees("no worker has these words")


async def test_s_sorts_by_a_column_and_again_in_reverse(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "a:0", slots=1)
    await register(store, "b:0", slots=2)
    async with dashboard(screen="workers") as driver:
        await driver.sees("a:0", "b:0")
        await driver.press("s")
        await driver.sees("Sort by", "MACHINE", "LAST SEEN")
        await driver.press("down", "down", "down", "enter")
        await driver.sees("sorted by busy")
        assert driver.keys == ["a:0", "b:0"]
        await driver.press("s")
        await driver.sees("BUSY (now)")
        await driver.press("enter")
        await driver.sees("sorted by -busy")
        assert driver.keys == ["b:0", "a:0"]
        await driver.press("s")
        await driver.sees("BUSY (now, reversed)")
        await driver.press("home", "enter")
        await wait_until(lambda: driver.keys == ["a:0", "b:0"], "as they come")
        await driver.press("s")
        await driver.sees("Sort by")
        await driver.press("escape")
        await wait_until(lambda: "sort" not in driver.text(), "no sort")


async def test_marked_workers_are_drained_with_a_reason_once_it_is_confirmed(
    store: Store, dashboard: StartDashboard
) -> None:
    for name in ("gpu1:0", "gpu2:0", "gpu3:0"):
        worker = await register(store, name)
        await submit(store)
        await worker.take()
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu3:0")
        await driver.press("space", "space", "D")
        await dialog(driver, Ask)
        await driver.sees("drain 2 workers: 2 ready: why?")
        await driver.type("hardware swap")
        await driver.press("enter")
        await driver.sees("drain 2 workers, 2 jobs running?")
        await driver.press("enter")
        assert isinstance(driver.app.screen, Confirm)
        await driver.press("y")
        await driver.sees("gpu1:0: ready -> draining, 1 running", "gpu2:0: ready -> draining, 1 running")
        await driver.sees("hardware swap")
        assert not driver.table.marks
    states = [await state(store, name) for name in ("gpu1:0", "gpu2:0", "gpu3:0")]
    assert states == [WorkerState.DRAINING, WorkerState.DRAINING, WorkerState.READY]
    assert (await store.inspector.worker("gpu1:0")).reason == "hardware swap"


async def test_one_worker_is_paused_and_resumed_without_a_question(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0")
        await driver.press("h")
        await driver.sees("pause 1 worker: 1 ready: why?")
        await driver.press("enter")
        await driver.sees("gpu1:0: ready -> paused")
        assert await state(store, "gpu1:0") is WorkerState.PAUSED
        await driver.press("u")
        await driver.sees("gpu1:0: paused -> ready")
    assert await state(store, "gpu1:0") is WorkerState.READY


@pytest.mark.parametrize("keys", [["escape"], ["enter", "n"]])
async def test_a_drain_that_is_not_confirmed_is_not_given(
    store: Store, dashboard: StartDashboard, keys: list[str]
) -> None:
    await register(store, "gpu1:0")
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0")
        await driver.press("D")
        await dialog(driver, Ask)
        for key in keys:
            await driver.press(key)
        await driver.sees("nothing was done")
    assert await state(store, "gpu1:0") is WorkerState.READY


async def test_an_order_that_fits_no_worker_says_so(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0")
        await driver.press("u")
        await driver.sees("no worker to resume: only")


async def test_read_only_refuses_to_steer(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    async with dashboard(screen="workers", read_only=True) as driver:
        await driver.sees("gpu1:0")
        await driver.press("D")
        await driver.sees("a read-only command may not drain workers")
    assert await state(store, "gpu1:0") is WorkerState.READY


async def test_read_only_browser_names_the_option_of_the_server(
    store: Store, dashboard: StartDashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dashboard, "is_web", True)
    await register(store, "gpu1:0")
    async with dashboard(screen="workers", read_only=True) as driver:
        await driver.sees("gpu1:0")
        await driver.press("D")
        text = await driver.sees("a read-only dashboard may not drain", "--write")
        assert "--read-only" not in text


async def test_g_shows_workers_that_are_gone(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    gone = await register(store, "gpu2:0")
    await store.registry.steer("gpu2:0", WorkerState.STOPPED, boot=gone.life.boot)
    async with dashboard(screen="workers") as driver:
        await driver.sees("1 worker ", "gpu1:0")
        await driver.press("g")
        await driver.sees("gpu2:0", "stopped", "with those that are gone")
        await driver.press("y")
        assert driver.app.clipboard == "emp workers --all"
        await driver.press("g")
        await wait_until(lambda: driver.keys == ["gpu1:0"], "live ones only")


async def test_hostile_text_of_workers_is_cleaned(store: Store, dashboard: StartDashboard) -> None:
    hostile = "\x1b[31m[red]evil[/red]\u202e"
    await register(store, "gpu1:0", gpu_model="[red]evil[/red]\u202e" + "x" * 200)
    await store.registry.steer("gpu1:0", WorkerState.PAUSED, reason=hostile + "y" * 10_000)
    async with dashboard(screen="workers", size=(80, 24)) as driver:
        text = await driver.sees("gpu1:0", "[31m[red]", "[red]evil")
        assert not {"\x1b", "\u202e"} & set(text)


async def test_it_opens_with_words(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    await register(store, "gpu2:0")
    async with dashboard() as driver:
        await driver.press("colon")
        await driver.type("workers gpu2")
        await driver.press("enter")
        await driver.sees("Workers gpu2", "1 of 2 workers")
        assert driver.keys == ["gpu2:0"]
        await driver.press("c")
        assert driver.app.clipboard == "gpu2:0"
