"""The overview: the four answers on the first screen, and the lists behind its numbers."""

from emp_cli.tui.widgets.fleet_map import FleetMap
from emp_cli.tui.widgets.links import Links
from emp_core.domain.gpu_memory import Gpu, GpuMemory
from emp_core.domain.outcome import Blame
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.cli.tui.conftest import StartDashboard
from tests.support.builders import register, submit
from tests.support.time_travel import end_worker, reap


async def test_it_says_what_waits_what_runs_where_what_fails_and_what_can_never_run(
    store: Store, dashboard: StartDashboard
) -> None:
    worker = await register(store, "gpu1:0", slots=2)
    done, failed = await submit(store), await submit(store, max_failures=1)
    await worker.complete(await worker.take())
    await worker.fail(await worker.take(), blame=Blame.JOB)
    running = await submit(store)
    await worker.take()
    await submit(store, run_at=4_000_000_000_000)
    await submit(store, requirements={"gpu_memory_gb": 80})
    async with dashboard(size=(80, 24)) as driver:
        await driver.sees("1 pending", "1 delayed", "1 active", "1 completed", "1 failed")
        await driver.sees("1 of 2 slots", "1 ready", "1 job can never run")
        await driver.sees(
            "1 asks for comfyui, gpu_memory_gb 80:\n", "    gpu1:0 would fit if gpu_memory_gb were 80 (has 24)"
        )
    assert len({done, failed, running}) == 3


async def test_enter_on_a_number_opens_the_list_behind_it(store: Store, dashboard: StartDashboard) -> None:
    pending, delayed = await submit(store), await submit(store, run_at=4_000_000_000_000)
    async with dashboard() as driver:
        await driver.sees("1 pending", "1 delayed")
        await driver.press("right", "enter")
        text = await driver.sees("Overview > Jobs status:delayed", delayed)
        assert pending not in text
        await driver.press("escape")
        await driver.sees("1 pending")


async def test_a_click_on_a_number_opens_the_list_too(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store)
    async with dashboard() as driver:
        text = await driver.sees("1 pending")
        row = next(row for row, words in enumerate(text.splitlines()) if "1 pending" in words)
        await driver.pilot.click(offset=(text.splitlines()[row].index("1 pending") + 2, row))
        await driver.sees("Jobs status:pending", job)


async def test_a_click_on_a_later_number_opens_its_list(store: Store, dashboard: StartDashboard) -> None:
    delayed = await submit(store, run_at=4_000_000_000_000)
    async with dashboard() as driver:
        text = await driver.sees("1 delayed", "0 blocked")
        row = next(row for row, words in enumerate(text.splitlines()) if "0 blocked" in words)
        await driver.pilot.click(offset=(text.splitlines()[row].index("1 delayed"), row))
        await driver.sees("Jobs status:delayed", delayed)


async def test_a_tall_screen_lists_the_last_events(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    async with dashboard(size=(200, 60)) as driver:
        await driver.sees("last events", "submitted", "claimed", f"{job}  gpu1:0")
        links = driver.screen.query_one("#events", Links)
        links.focus()
        for place in (f"job {job}", "worker gpu1:0", f"job {job}"):
            await driver.press("right")
            assert links.at == place
        await driver.press("enter")
        await driver.sees(f"Job {job}", "Summary")


async def test_what_can_never_run_leads_to_its_jobs(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    fits, never = await submit(store), await submit(store, requirements={"gpu_memory_gb": 80})
    async with dashboard() as driver:
        await driver.sees("1 job can never run")
        await driver.press("tab", "enter")
        text = await driver.sees("Jobs unworkable:yes", never)
        assert fits not in text


async def test_kinds_that_wait_longest_are_listed_and_lead_to_their_jobs(
    store: Store, dashboard: StartDashboard
) -> None:
    await register(store, "gpu1:0")
    large = await submit(store, requirements={"gpu_memory_gb": 20}, customer_id="acme")
    for size in (1, 2, 3):
        await submit(store, requirements={"gpu_memory_gb": size})
    async with dashboard(size=(80, 24)) as driver:
        await driver.sees("4 kinds of jobs wait", "1 asks for comfyui, gpu_memory_gb 20:", ", 1 worker fits")
        await driver.sees("1 asks for comfyui, gpu_memory_gb 2:")
        await driver.press("tab", "right", "enter")
        await driver.sees("Jobs service:comfyui gpu:20", large)
        assert len(driver.keys) == 1


async def test_hostile_requirements_of_waiting_jobs_are_clean(store: Store, dashboard: StartDashboard) -> None:
    evil = "[red]\u202eevil[/]" + "x" * 200
    await submit(store, requirements={"models": [evil]})
    await register(store, "gpu1:0", models={"comfyui": [evil]})
    async with dashboard(size=(80, 24)) as driver:
        text = await driver.sees("1 asks for comfyui, models [red]evil[/]x")
        assert "\u202e" not in text


async def test_a_worker_that_was_lost_is_drawn(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0")
    lost = await register(store, "gpu2:0", slots=3, machine="gpu2")
    await end_worker(store, lost.id)
    await reap(store)
    async with dashboard() as driver:
        await driver.sees("1 lost, 1 ready", "xxx", "x lost")


async def test_free_memory_is_drawn_with_each_machine(store: Store, dashboard: StartDashboard) -> None:
    for index, free in enumerate((3, 20)):
        worker = await register(store, f"gpu1:{index}")
        memory = GpuMemory(gpus=(Gpu(24 * 10**9, free * 10**9),))
        await store.broker.beat(worker.life, "comfyui=up", [], memory=memory.text())
    await register(store, "gpu2:0", machine="gpu2", gpu_memory_gb=80)
    async with dashboard() as driver:
        await driver.sees("gpu1 3-20/24G ··", "gpu2 80G ·", "3/24G: 3 of 24 GB free")


async def test_the_fleet_is_drawn_slot_by_slot(store: Store, dashboard: StartDashboard) -> None:
    busy, paused = await register(store, "gpu1:0", slots=3), await register(store, "gpu2:0", slots=2, machine="gpu2")
    await submit(store)
    await busy.take()
    await store.registry.steer(paused.life.worker, WorkerState.PAUSED)
    async with dashboard() as driver:
        text = await driver.sees("█··", "==", "paused")
        assert "busy" in text
        assert driver.screen.query_one(FleetMap).fleet


async def test_a_fleet_that_does_not_fit_is_counted(store: Store, dashboard: StartDashboard) -> None:
    for number in range(40):
        await register(store, f"gpu{number}:0", slots=64, machine=f"gpu{number}")
    async with dashboard(size=(80, 24)) as driver:
        await driver.sees("more slots", "40 ready")


async def test_rates_of_the_last_five_minutes_are_said(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    for _ in range(10):
        await submit(store)
    await worker.complete(await worker.take())
    async with dashboard() as driver:
        await driver.sees("10.0/min", "1.0/min", "p50", "p95", "9 pending", "+9 open")


async def test_a_cancelled_job_is_open_no_longer(store: Store, dashboard: StartDashboard) -> None:
    jobs = [await submit(store) for _ in range(3)]
    await store.broker.cancel(jobs[0])
    async with dashboard() as driver:
        await driver.sees("2 pending", "+2 open", "1 cancelled +1")


async def test_hostile_text_is_clean_and_no_markup(store: Store, dashboard: StartDashboard) -> None:
    await register(store, "gpu1:0", probed="comfyui=down\ncomfyui 1 [red]\x1b[2J\u202eevil[/]")
    async with dashboard() as driver:
        text = await driver.sees("comfyui fails on gpu1:0: [red][2Jevil[/]")
        assert "\x1b" not in text
