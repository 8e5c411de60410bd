"""A worker's screen, by its keys, on a real queue."""

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.cli.tui.conftest import Driver, StartDashboard
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


async def open_worker(driver: Driver, name: str = "gpu1:0") -> None:
    await driver.press("colon")
    await driver.type(f"worker {name}")
    await driver.press("enter")


async def test_it_shows_slots_with_progress_and_lease(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store, slots=2)
    job = await submit(store, customer_id="acme")
    claim = await worker.take()
    await worker.report(claim, percent=40, message="sampling")
    async with dashboard(size=(100, 30)) as driver:
        await open_worker(driver, "gpu1")
        text = await driver.sees("Worker gpu1:0", job, "acme", "40% sampling", " left", "free", "1 of 2 slots")
        assert "service     comfyui up" in text
        await driver.press("c")
        assert driver.app.clipboard == job
        await driver.press("y")
        assert driver.app.clipboard == "emp worker show gpu1:0"


async def test_services_have_version_state_and_why_they_are_down(store: Store, dashboard: StartDashboard) -> None:
    info = {"versions": {"comfyui": "0.3.68"}}
    since = await store.inspector.now_ms() - 60_000
    await register(store, info=info, probed=f"comfyui=down\ncomfyui {since} no answer")
    async with dashboard() as driver:
        await open_worker(driver)
        await driver.sees("comfyui 0.3.68 down for 1m", ": no answer")


async def test_offers_have_their_origin(store: Store, dashboard: StartDashboard) -> None:
    info = {"found": ["cpu_cores"], "probed": ["comfyui"]}
    models = {"comfyui": ["flux"], "ollama": ["llama"]}
    await register(store, info=info, services=["comfyui", "ollama", "a1111"], models=models, cpu_cores=16, region="eu")
    async with dashboard() as driver:
        await open_worker(driver)
        await driver.press("tab")
        text = await driver.sees("cpu cores", "any: none are listed")
        lines = [" ".join(line.split()) for line in text.splitlines()]
        assert {
            "cpu cores 16 found on the machine",
            "region eu declared",
            "model flux listed by comfyui",
            "model llama declared",
            "models any: none are listed a1111",
        } <= set(lines)


async def test_the_queue_tab_says_what_it_takes_and_skips_and_why(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    first = await submit(store)
    await submit(store)
    await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 96})
    async with dashboard(size=(120, 30)) as driver:
        await open_worker(driver)
        await driver.press("tab", "tab")
        await driver.sees(
            "it can run 2 waiting jobs and skips 1 waiting job",
            "takes",
            "skips",
            "acme",
            "needs 96 GB, worker has 24 GB",
        )
        assert driver.screen.id_here == first
        await driver.press("y")
        assert driver.app.clipboard == "emp explain --worker gpu1:0"


async def test_the_queue_tab_says_all_of_the_row_under_the_cursor(store: Store, dashboard: StartDashboard) -> None:
    await register(store, models={"comfyui": ["flux"]})
    models = ["stable-diffusion-xl-base-1.0.safetensors", "control-net-canny.safetensors"]
    await submit(store, requirements={"models": models, "gpu_memory_gb": 96})
    async with dashboard(size=(80, 24)) as driver:
        await open_worker(driver)
        await driver.press("tab", "tab")
        await driver.sees("needs comfyui,", *models, "needs 96 GB, worker has 24 GB")


async def test_the_last_jobs_have_a_failure_rate_and_open(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(3)]
    await worker.complete(await worker.take())
    await worker.fail(await worker.take(), retryable=False, code="out_of_memory")
    await worker.take()
    opened: list[str] = []

    async def note(command: str) -> None:
        opened.append(command)

    async with dashboard() as driver:
        await open_worker(driver)
        await driver.press("shift+tab")
        text = await driver.sees("1 of the last 2 jobs that ended here failed (50%): 1 out_of_memory", *jobs[:2])
        assert jobs[2] not in text
        driver.app._go = note  # type: ignore[method-assign]
        await driver.press("enter")
        await wait_until(lambda: opened == [f"job {jobs[1]}"], "the job is opened")
        await driver.press("y")
        assert driver.app.clipboard == "emp jobs --where 'worker:gpu1:0 status:completed,failed,cancelled'"


async def test_tabs_are_reached_by_brackets_too(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    async with dashboard() as driver:
        await open_worker(driver)
        await driver.press("right_square_bracket")
        await driver.sees("ORIGIN")
        await driver.press("left_square_bracket")
        await driver.sees("LEASE")


async def test_it_is_paused_resumed_and_drained(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    async with dashboard() as driver:
        await open_worker(driver)
        await driver.sees("gpu1:0 ready")
        await driver.press("h")
        await driver.sees("pause 1 worker: 1 ready: why?")
        await driver.type("driver update")
        await driver.press("enter")
        await driver.sees("gpu1:0 paused: driver update")
        await driver.press("u")
        await driver.sees("gpu1:0 ready")
        await driver.press("D")
        await driver.sees("drain 1 worker: 1 ready: why?")
        await driver.press("enter")
        await driver.sees("drain 1 worker, 0 jobs running?")
        await driver.press("y")
        await driver.sees("gpu1:0 draining")
    assert (await store.inspector.worker("gpu1:0")).state is WorkerState.DRAINING


async def test_a_worker_that_is_not_there_is_said_so(store: Store, dashboard: StartDashboard) -> None:
    async with dashboard() as driver:
        await open_worker(driver, "nobody")
        await driver.sees("Worker nobody", "emp workers --all")
        await driver.press("h", "c")
        assert driver.app.clipboard == "nobody"


async def test_enter_on_the_workers_screen_opens_it(store: Store, dashboard: StartDashboard) -> None:
    await register(store)
    async with dashboard(screen="workers") as driver:
        await driver.sees("gpu1:0")
        await driver.press("enter")
        await driver.sees("Workers > Worker gpu1:0")
        await driver.press("escape")
        await driver.sees("1 worker ")


async def test_hostile_text_of_services_is_cleaned(store: Store, dashboard: StartDashboard) -> None:
    hostile = "\x1b]0;evil\x07[red]markup[/red]\u202e"
    await register(store, info={"versions": {"comfyui": hostile}}, probed=f"comfyui=down\ncomfyui 1 {hostile}")
    await store.registry.steer("gpu1:0", WorkerState.PAUSED, reason=hostile + "y" * 10_000)
    worker = await register(store, "gpu2:0")
    await submit(store)
    await worker.report(await worker.take(), percent=1, message=hostile)
    async with dashboard(size=(120, 24)) as driver:
        for name in ("gpu1:0", "gpu2:0"):
            await open_worker(driver, name)
            text = await driver.sees(f"Worker {name}", "[red]markup[/red]")
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
