"""What each artifact store has of its own."""

import asyncio
import json
import stat
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

from emp_core.artifacts import open_artifacts, open_objects
from emp_core.artifacts.contract import Place
from emp_core.artifacts.hub import HubArtifacts
from emp_core.artifacts.local import LocalArtifacts
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.errors import (
    ArtifactsUnavailable,
    Conflict,
    HubUnavailable,
    Misconfigured,
    NotFound,
)
from tests.support.artifacts import ROOT, answering, breaking, files_in, knows_none, put, soon_ms, through_hub
from tests.support.waiting import wait_until


async def test_a_deleted_job_has_no_files(holder: ObjectArtifacts) -> None:
    await put(holder, b"data")
    await put(holder, b"data", job_id="job2")
    await holder.put_payload("job", b"payload")
    await holder.delete_job("job")
    await holder.delete_job("job")
    assert await holder.list("job") == ()
    with pytest.raises(NotFound):
        await holder.get_payload("job")
    assert len(await holder.list("job2")) == 1


async def test_a_sweep_takes_the_jobs_that_the_queue_forgot(holder: ObjectArtifacts) -> None:
    asked: list[str] = []

    async def knows_first(jobs: Sequence[str]) -> Collection[str]:
        asked.extend(jobs)
        return {"first"}

    for job_id in ("first", "second", "third"):
        await put(holder, b"data", job_id=job_id)
    await holder.put_payload("fourth", b"payload")
    assert await holder.sweep(knows_first, soon_ms()) == 3
    assert sorted(asked) == ["first", "fourth", "second", "third"]
    assert len(await holder.list("first")) == 1
    assert await holder.list("second") == ()
    assert await holder.sweep(knows_first, soon_ms()) == 0


async def test_a_sweep_spares_what_is_young(holder: ObjectArtifacts) -> None:
    await holder.put_payload("job", b"payload of a job that is not yet submitted")
    assert await holder.sweep(knows_none, SystemClock().now_ms() - 60_000) == 0
    assert await holder.get_payload("job")


async def test_a_sweep_takes_an_upload_that_nobody_finished(holder: ObjectArtifacts) -> None:
    await holder._reserve("job", 1)
    assert await holder.list("job") == ()
    assert (await put(holder, b"data", attempt=1)).id == "job/1/2"
    assert await holder.sweep(knows_none, soon_ms()) == 1
    assert (await put(holder, b"data", attempt=1)).id == "job/1/1"


async def test_a_strangers_file_is_neither_listed_nor_deleted(local: LocalArtifacts, tmp_path: Path) -> None:
    await put(local, b"data", job_id="documents")
    stranger = tmp_path / "files" / "documents" / "thesis.txt"
    stranger.touch()
    assert len(await local.list("documents")) == 1
    assert await local.sweep(knows_none, soon_ms()) == 1
    assert files_in(tmp_path / "files") == ["documents", "documents/thesis.txt"]


async def test_a_deleted_job_leaves_no_directory(local: LocalArtifacts, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await local.put("job", 1, "a", breaking())
    assert files_in(tmp_path / "files") == ["job", "job/1", "job/1/1.json"]
    await put(local, b"data")
    await local.delete_job("job")
    assert files_in(tmp_path / "files") == []


async def test_a_disk_is_read_by_this_user_only(local: LocalArtifacts, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700


async def test_what_the_disk_says_is_for_the_log(
    local: LocalArtifacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "files" / "job").touch()
    with pytest.raises(ArtifactsUnavailable) as caught:
        await put(local, b"data")
    assert caught.value.message == "the file store is not available now"
    assert "Not a directory" in caplog.text


async def test_what_a_cloud_says_is_for_the_log_without_its_secrets(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(MemoryStore):
        async def get_async(self, path: str, **_: Any) -> NoReturn:
            said = "Generic S3 error: Error performing GET http://user:hunter2@host/bucket/a.json?sig=hunter2&x=1 in 2s"
            raise GenericError(f"{said}\n\nDebug source:\nhunter2")

    with pytest.raises(ArtifactsUnavailable) as caught:
        await ObjectArtifacts(Failing()).get("job/1/1")
    assert caught.value.message == "the file store is not available now"
    assert "performing GET http://***@host/bucket/a.json" in caplog.text
    assert "hunter2" not in caplog.text


async def test_a_damaged_file_hides_no_other(holder: ObjectArtifacts, caplog: pytest.LogCaptureFixture) -> None:
    files = [await put(holder, b"data") for _ in range(4)]
    for file, damage in zip(files, (b"{bad", b"[1]", b"\xff"), strict=False):
        await holder._store.put_async(f"{file.id}.json", damage)
    assert await holder.list("job") == (files[3],)
    for file in files[:3]:
        with pytest.raises(NotFound):
            await holder.open(file.id)
        assert f"{file.id}.json cannot be read" in caplog.text


async def test_links_are_not_followed(local: LocalArtifacts, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "1").mkdir(parents=True)
    (outside / "1" / "1").write_text("secret")
    (outside / "1" / "1.json").write_text(json.dumps({"id": "link/1/1", "name": "", "size": 6, "sha256": ""}))
    (tmp_path / "files" / "link").symlink_to(outside)
    artifact = await put(local, b"data")
    (tmp_path / "files" / artifact.id).unlink()
    (tmp_path / "files" / artifact.id).symlink_to(outside / "1" / "1")
    for artifact_id in ("link/1/1", artifact.id):
        with pytest.raises(Conflict, match="leads outside") as caught:
            await local.open(artifact_id)
        assert str(tmp_path) not in caught.value.message
    with pytest.raises(Conflict):
        await put(local, b"data", job_id="link")
    await local.delete_job("job")
    assert files_in(outside) == ["1", "1/1", "1/1.json"]


async def test_a_killed_upload_is_not_listed_and_goes_with_its_job(local: LocalArtifacts, tmp_path: Path) -> None:
    directory = tmp_path / "files"
    program = f"""
import asyncio
from pathlib import Path
from emp_core.artifacts.local import LocalArtifacts
from tests.support.artifacts import hanging
asyncio.run(LocalArtifacts(Path({str(directory)!r})).put("job", 1, "a", hanging(asyncio.Event())))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    try:
        await wait_until(lambda: "job/1/1#1" in files_in(directory), "the upload is under way", timeout=20.0)
    finally:
        process.kill()
        await process.wait()
    assert files_in(directory) == ["job", "job/1", "job/1/1#1", "job/1/1.json"]
    assert await local.list("job") == ()
    assert await local.sweep(knows_none, soon_ms()) == 1
    assert files_in(directory) == []


def test_a_directory_that_is_removed_meanwhile_is_misconfigured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: None)
    with pytest.raises(Misconfigured, match="cannot store files"):
        LocalArtifacts(tmp_path / "removed")


def test_a_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="cannot store files"):
        LocalArtifacts(tmp_path / "file" / "directory")


async def test_the_hub_may_refuse_the_token() -> None:
    store = through_hub(ObjectArtifacts(MemoryStore()), token="wrong")
    with pytest.raises(Misconfigured, match="token"):
        await put(store, b"data")


async def test_a_hub_that_is_not_there_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    store = HubArtifacts("http://hub", "", transport=httpx.MockTransport(refuse))
    with pytest.raises(HubUnavailable, match="connection refused"):
        await store.list("job")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="oh dear"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"id": "job/1/1", "name": "a", "size": 4, "sha256": "of other bytes"}),
    ],
)
async def test_an_answer_that_cannot_be_is_the_hubs_fault(answer: httpx.Response) -> None:
    with pytest.raises(HubUnavailable):
        await put(answering(answer), b"data")


async def test_a_404_that_is_not_the_hubs_says_nothing_of_files() -> None:
    with pytest.raises(HubUnavailable, match="404"):
        await answering(httpx.Response(404, text="<html>")).list("job")


async def test_a_job_that_the_hub_does_not_know_has_no_files() -> None:
    problem = httpx.Response(404, json={"detail": "no job"}, headers={"Content-Type": "application/problem+json"})
    assert await answering(problem).list("job") == ()
    with pytest.raises(NotFound):
        await answering(problem).get("job/1/1")


async def test_a_hub_that_ignores_ranges_is_not_believed() -> None:
    with pytest.raises(HubUnavailable, match="whole files"):
        await answering(httpx.Response(200, content=b"0123456789")).open("job/1/1", start=3)


async def test_a_url_says_where_the_files_are(tmp_path: Path) -> None:
    directory = tmp_path / "a b"
    kinds = {
        directory.as_uri(): LocalArtifacts,
        "memory://": ObjectArtifacts,
        "s3://bucket/prefix": ObjectArtifacts,
        "gs://bucket/prefix": ObjectArtifacts,
        "http://hub:8001": HubArtifacts,
        "https://hub": HubArtifacts,
    }
    for url, kind in kinds.items():
        store = open_artifacts(url)
        assert type(store) is kind
        await store.aclose()
    assert directory.is_dir()


@pytest.mark.parametrize("url", ["", "ftp://host/", "/directory", "s3://", "http://hub"])
def test_a_url_that_keeps_no_files_is_one_clear_error(url: str) -> None:
    with pytest.raises(Misconfigured, match="cannot store files"):
        open_objects(url)


def test_places_sort_by_number() -> None:
    assert sorted([Place("job", 10, 1), Place("job", 2, 10), Place("job", 2, 9)])[0] == Place("job", 2, 9)
