"""The screens of classes, models, customers and workflows, by their keys, on a real queue."""

import pytest

from emp_core.store import Store, demand
from tests.cli.tui.conftest import StartDashboard
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


async def fill(store: Store) -> str:
    """Three jobs wait and one runs; the id of one that waits."""
    worker = await register(store, models={"comfyui": ["flux"]}, slots=2)
    await submit(store, customer_id="acme", workflow_id="film", requirements={"models": ["flux"]})
    await worker.take()
    waiting = await submit(store, customer_id="acme", workflow_id="film", requirements={"models": ["flux"]})
    await submit(store, customer_id="globex", requirements={"gpu_memory_gb": 96})
    await submit(store)
    return waiting


@pytest.mark.parametrize(
    ("kind", "words", "command"),
    [
        ("customers", "acme", "emp jobs --where customer:acme"),
        ("models", "flux", "emp jobs --where model:flux"),
        ("workflows", "film", "emp jobs --where workflow:film"),
        ("classes", "acme", "emp jobs --where 'service:comfyui customer:acme model:flux'"),
    ],
)
async def test_enter_shows_the_jobs_behind_a_row(
    store: Store, dashboard: StartDashboard, kind: str, words: str, command: str
) -> None:
    job = await fill(store)
    async with dashboard() as driver:
        await driver.press("colon")
        await driver.type(f"{kind} {words}")
        await driver.press("enter")
        await driver.sees(f"{kind.capitalize()} {words}", "PENDING", "RUNNING")
        await wait_until(lambda: len(driver.table.rows) == 1, "one row")
        (row,) = driver.table.rows
        assert (row.pending, row.running) == (1, 1)
        await driver.press("y")
        assert driver.app.clipboard == command
        await driver.press("enter")
        await driver.sees(f"> Jobs {command.split('--where ')[1].strip(chr(39))}", job)
        assert len(driver.keys) == 2
        await driver.press("escape")
        await driver.sees("PENDING")


async def test_classes_say_what_can_never_run_and_what_is_free(store: Store, dashboard: StartDashboard) -> None:
    await fill(store)
    async with dashboard(screen="classes", size=(120, 24)) as driver:
        text = await driver.sees("gpu_memory_gb 96", "never run", "models flux", "3 classes")
        line = next(each for each in text.splitlines() if "flux" in each)
        assert "1/2" in line


async def test_classes_say_all_of_the_row_under_the_cursor(store: Store, dashboard: StartDashboard) -> None:
    await register(store, models={"comfyui": ["flux"]})
    models = ["stable-diffusion-xl-base-1.0.safetensors", "control-net-canny.safetensors"]
    await submit(store, requirements={"models": models})
    await submit(store)
    async with dashboard(screen="classes", size=(80, 24)) as driver:
        text = await driver.sees("needs comfyui,", *models, "0 workers", "gpu1:0 would fit if models.comfyui also had")
        assert "comfyui, models control-net-c" in text
        await driver.press("down")
        text = await driver.sees("needs comfyui: 1 worker, 1 of 1 slots free\n")
        assert "would fit" not in text


async def test_jobs_of_no_customer_are_found(store: Store, dashboard: StartDashboard) -> None:
    await fill(store)
    job = await submit(store)
    async with dashboard(screen="customers") as driver:
        await driver.sees("(no customer)", "acme", "globex", "3 customers")
        assert [row.name for row in driver.table.rows] == ["", "acme", "globex"]
        await driver.press("enter")
        await driver.sees("Jobs -customer:*", job)
        assert len(driver.keys) == 2


async def test_groups_are_sorted(store: Store, dashboard: StartDashboard) -> None:
    await fill(store)
    async with dashboard(screen="customers") as driver:
        await driver.sees("3 customers")
        await driver.press("s")
        await driver.sees("Sort by", "FREE")
        await driver.press("down", "down", "down", "enter")
        await driver.sees("sorted by running")
        assert driver.keys[0] == "acme"


async def test_the_screen_says_what_was_not_read(
    store: Store, dashboard: StartDashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "MOST_CLASSES", 1)
    monkeypatch.setattr(demand, "MOST_NEXT", 1)
    await fill(store)
    async with dashboard(screen="customers") as driver:
        await driver.sees("1 more kinds of jobs wait and are not counted")
        await driver.press("7")
        await driver.sees("of running and of 1 pending jobs; there may be others")


async def test_hostile_names_are_cleaned(store: Store, dashboard: StartDashboard) -> None:
    hostile = "[red]evil[/red]\u202e" + "x" * 200
    await submit(store, requirements={"models": [hostile]})
    async with dashboard(screen="models", size=(80, 24)) as driver:
        text = await driver.sees("[red]", "1 model")
        assert "\u202e" not in text
        await driver.press("4")
        assert "\u202e" not in await driver.sees("comfyui, models")
