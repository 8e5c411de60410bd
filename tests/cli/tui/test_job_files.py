"""The files of a job, saved by the job screen."""

from pathlib import Path

import pytest

from emp_cli.tui.app import Dashboard
from emp_core.artifacts import open_artifacts
from emp_core.artifacts.contract import in_chunks
from emp_core.client.locate import local_files
from emp_core.domain.outcome import Result
from emp_core.store import Store, completed
from tests.cli.tui.conftest import StartDashboard, opened_job
from tests.support.builders import register, submit


async def test_files_are_saved_where_it_is_asked(store: Store, dashboard: StartDashboard, tmp_path: Path) -> None:
    job, place, into = await complete_with_files(store, tmp_path, "a.png", "../../evil.png", "/etc/passwd")
    async with opened_job(dashboard, job, "files", artifacts=place) as driver:
        await driver.sees("a.png", "3 files, 21 B; w saves")
        await driver.press("w")
        await driver.sees("save 3 files (21 B) into which directory?")
        await driver.type(str(into))
        await driver.press("enter")
        await driver.sees("saved 3 files in")
    saved = {str(path.relative_to(into)) for path in into.rglob("*") if path.is_file()}
    assert saved == {"a.png", "evil.png", "etc/passwd"}
    assert {path.name for path in tmp_path.iterdir()} == {into.name, "data"}


async def test_only_marked_files_are_saved(store: Store, dashboard: StartDashboard, tmp_path: Path) -> None:
    job, place, into = await complete_with_files(store, tmp_path, "a.png", "b.png")
    async with opened_job(dashboard, job, "files", artifacts=place) as driver:
        await driver.sees("b.png")
        await driver.press("down", "space")
        await driver.sees("1 file marked, 7 B; w saves")
        await driver.press("w")
        await driver.sees("save 1 file (7 B) into which directory?")
        await driver.type(str(into))
        await driver.press("enter")
        await driver.sees("saved 1 file in")
    assert [path.name for path in into.iterdir()] == ["b.png"]


async def test_a_directory_that_cannot_be_made_is_said(store: Store, dashboard: StartDashboard, tmp_path: Path) -> None:
    job, place, into = await complete_with_files(store, tmp_path, "a.png")
    into.write_text("a file")
    async with opened_job(dashboard, job, "files", artifacts=place) as driver:
        await driver.sees("a.png")
        await driver.press("w")
        await driver.sees("into which directory?")
        await driver.type(str(into))
        await driver.press("enter")
        await driver.sees("is not a directory")


async def test_a_browser_cannot_save_on_the_disk_of_the_server(
    store: Store, dashboard: StartDashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dashboard, "is_web", True)
    job, place, into = await complete_with_files(store, tmp_path, "a.png")
    async with opened_job(dashboard, job, "files", artifacts=place) as driver:
        text = await driver.sees("a.png", f"1 file, 7 B; emp job result {job} --output-dir . saves them")
        assert "w Save" not in text
        await driver.press("w")
        assert "into which directory?" not in driver.text()
    assert not into.exists()


async def complete_with_files(store: Store, tmp_path: Path, *names: str) -> tuple[str, str, Path]:
    """A completed job with these files, where they lie, and a directory that is not there yet."""
    place = local_files(tmp_path / "data")
    files = open_artifacts(place, store.files_id)
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    made = [await files.put(job, claim.attempt, name, in_chunks(b"picture")) for name in names]
    await worker.settle(completed(claim, Result(artifacts=tuple(made))))
    await files.aclose()
    return job, place, tmp_path / "into"
