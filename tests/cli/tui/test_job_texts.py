"""The tabs of the job screen that are texts: log, payload, attempts; and the search in them."""

from pathlib import Path

from emp_core.artifacts import open_artifacts
from emp_core.client.locate import local_files
from emp_core.domain.outcome import Failure
from emp_core.domain.policy import MAX_INLINE_PAYLOAD
from emp_core.store import Store, failed
from tests.cli.tui.conftest import StartDashboard, opened_job
from tests.support.builders import make_request, register, submit

SEED = 18446744073709551617
"""Beyond what a double, or 64 bits, can hold."""


async def test_the_log_follows_until_the_cursor_leaves_its_end(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, lines=tuple(f"line {number}" for number in range(1, 51)))
    async with opened_job(dashboard, job, "log", size=(80, 24)) as driver:
        await driver.sees("line 50", "50 lines, follows new ones")
        await worker.report(claim, lines=("line 51",))
        await driver.sees("line 51")
        await driver.press("home")
        await worker.report(claim, lines=("line 52",))
        text = await driver.sees("line 1\n", "52 lines; End follows new ones")
        assert "line 52" not in text
        await driver.press("end")
        await driver.sees("line 52", "follows new ones")


async def test_the_log_goes_on_when_the_queue_drops_its_first_lines(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, lines=tuple(f"line {number}" for number in range(990)))
    async with opened_job(dashboard, job, "log") as driver:
        await driver.sees("line 989", "990 lines")
        await worker.report(claim, lines=tuple(f"line {number}" for number in range(990, 1_040)))
        await driver.sees("line 1039", "the last 1,000 lines")
        await worker.report(claim, lines=("line 1040",))
        await driver.sees("line 1039\n line 1040\n")
        await driver.press("home")
        await driver.sees(" line 41\n")


async def test_a_search_marks_and_steps_through_its_matches(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, lines=tuple(f"step {number}" if number % 40 else "an Error" for number in range(1, 101)))
    async with opened_job(dashboard, job, "log", size=(80, 24)) as driver:
        await driver.sees("step 99")
        await driver.press("slash")
        await driver.type("error")
        await driver.sees("2 lines match", "an Error")
        await driver.press("enter")
        document = driver.screen.query_one("#log Document")
        assert document._cursor == 39  # type: ignore[attr-defined]
        await driver.press("n")
        assert document._cursor == 79  # type: ignore[attr-defined]
        await driver.press("n")
        assert document._cursor == 39  # type: ignore[attr-defined]
        await driver.press("N")
        assert document._cursor == 79  # type: ignore[attr-defined]
        await driver.press("escape")
        await driver.sees("100 lines; End follows")


async def test_the_payload_folds_and_keeps_its_numbers_exact(store: Store, dashboard: StartDashboard) -> None:
    nodes = {str(number): {"class_type": f"Node{number}", "inputs": {"x": number}} for number in range(40)}
    payload = {"seed": SEED, "cfg": 1.0, "prompt": nodes}
    job = await submit(store, payload=payload)
    async with opened_job(dashboard, job, "payload", size=(80, 24)) as driver:
        await driver.sees(f"seed: {SEED}", "cfg: 1.0", "▸ prompt: {40}")
        await driver.press("end", "enter")
        await driver.sees("▾ prompt: {40}", '▸ 0: {2} {class_type: "Node0", inputs: {1}}')
        await driver.press("down", "enter")
        await driver.sees("▾ 0: {2}", 'class_type: "Node0"', "▸ inputs: {1}")
        await driver.press("up", "enter")
        await driver.sees("▸ prompt: {40}")


async def test_a_search_in_the_payload_unfolds_what_it_finds(store: Store, dashboard: StartDashboard) -> None:
    nodes = {str(number): {"inputs": {"text": f"cat {number}"}} for number in range(300)}
    job = await submit(store, payload={"prompt": nodes})
    async with opened_job(dashboard, job, "payload", size=(80, 24)) as driver:
        await driver.sees("▸ prompt: {300}")
        await driver.press("slash")
        await driver.type("Cat 299")
        await driver.press("enter")
        await driver.sees('text: "cat 299"', "1 line matches")


async def test_a_template_is_shown_with_its_params(store: Store, dashboard: StartDashboard) -> None:
    job = await submit(store, payload=None, template="portrait", params={"seed": SEED})
    async with opened_job(dashboard, job, "payload") as driver:
        await driver.sees('template: "portrait"', "params: {1}", f"seed: {SEED}")


async def test_a_large_payload_is_loaded_if_enter_asks_for_it(
    store: Store, dashboard: StartDashboard, tmp_path: Path
) -> None:
    place = local_files(tmp_path)
    files = open_artifacts(place, store.files_id)
    request = make_request(payload={"seed": SEED, "image": "x" * (MAX_INLINE_PAYLOAD + 1)})
    submitted = await store.broker.submit(request, files.put_payload)
    async with opened_job(dashboard, submitted.id, "payload", artifacts=place) as driver:
        await driver.sees("The payload has 1.0 MB and is in the file store. Enter loads it.")
        await driver.press("enter")
        await driver.sees(f"seed: {SEED}", "▸ image: ", "1,048,577 characters")
    await files.aclose()


async def test_attempts_are_listed_with_all_that_is_known_of_them(store: Store, dashboard: StartDashboard) -> None:
    worker = await register(store)
    job = await submit(store)
    detail = {"node": "3", "traceback": ["a.py", "b.py"]}
    await worker.settle(failed(await worker.take(), Failure(message="it broke", code="oom", detail=detail)))
    async with opened_job(dashboard, job, "attempts", size=(80, 24)) as driver:
        await driver.sees("gpu1:0", "error (oom)", "it broke", "traceback: [2]", '1: "b.py"')
