"""One contract for all artifact stores."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import pytest

from emp_core.artifacts import ArtifactStore
from emp_core.artifacts.contract import CHUNK_BYTES, MAX_PAYLOAD_BYTES, MEDIA_TYPE, in_chunks
from emp_core.domain.outcome import Artifact
from emp_core.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    NotFound,
)
from tests.support.artifacts import MAX_BYTES, breaking, hanging, put, read_all


@pytest.mark.timeout(20)  # a pattern that tries every split takes hours
@pytest.mark.parametrize("space", [" ", ";", " ;", "a"])
def test_a_media_type_is_read_in_one_go(space: str) -> None:
    assert MEDIA_TYPE.fullmatch(f"a/b;{space * 500_000}é") is None
    assert MEDIA_TYPE.fullmatch(f"a/b{space * 500_000}é") is None


@pytest.mark.parametrize("media_type", ["image/png", "text/html;charset=utf-8", "a/b  ;  c=d; e", "image/svg+xml;"])
def test_what_a_media_type_may_be(media_type: str) -> None:
    assert MEDIA_TYPE.fullmatch(media_type)


@pytest.mark.parametrize("media_type", ["", "text", "a/", "a/b c", "a/b;\n", "a/b;é", "/b", "é/b"])
def test_what_a_media_type_may_not_be(media_type: str) -> None:
    assert MEDIA_TYPE.fullmatch(media_type) is None


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES + 1, 11 * CHUNK_BYTES])
async def test_what_was_put_is_read_back(store: ArtifactStore, size: int) -> None:
    data = os.urandom(size)
    artifact = await store.put("job", 1, "a.png", in_chunks(data), media_type="image/png", kind="temp")
    assert artifact == Artifact(
        id="job/1/1",
        name="a.png",
        size=size,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        kind="temp",
    )
    assert await read_all(await store.open(artifact.id)) == data
    assert await store.get(artifact.id) == artifact
    assert await store.list("job") == (artifact,)


async def test_a_chunk_may_be_large(store: ArtifactStore) -> None:
    async def one_chunk() -> AsyncIterator[bytes]:
        yield b"x" * 3 * CHUNK_BYTES

    artifact = await store.put("job", 1, "video.mp4", one_chunk())
    assert artifact.sha256 == hashlib.sha256(b"x" * 3 * CHUNK_BYTES).hexdigest()


async def test_files_are_numbered_by_attempt_and_listed_in_order(store: ArtifactStore) -> None:
    for attempt in (2, 10, 1, 2):
        await put(store, b"data", attempt=attempt)
    assert [artifact.id for artifact in await store.list("job")] == ["job/1/1", "job/2/1", "job/2/2", "job/10/1"]


async def test_puts_at_once_never_share_a_number(store: ArtifactStore) -> None:
    contents = [bytes([number]) * 1000 for number in range(20)]
    artifacts = await asyncio.gather(*(put(store, content) for content in contents))
    assert {artifact.id for artifact in artifacts} == {f"job/1/{number}" for number in range(1, 21)}
    assert [await read_all(await store.open(artifact.id)) for artifact in artifacts] == contents


async def test_a_name_is_only_a_name(store: ArtifactStore) -> None:
    artifact = await store.put("job", 1, "../../etc/päss\x1b[0m & wd", in_chunks(b"data"))
    assert (await store.get(artifact.id)).name == "../../etc/päss\x1b[0m & wd"
    assert artifact.id == "job/1/1"


async def test_a_job_has_its_own_files_only(store: ArtifactStore) -> None:
    for job_id in ("job", "job2", "job.1", "job:1", "jo"):
        await put(store, b"data", job_id=job_id)
    assert [artifact.id for artifact in await store.list("job")] == ["job/1/1"]
    assert await store.list("other") == ()


@pytest.mark.parametrize(("start", "end"), [(0, 4), (3, 10), (3, None), (0, 99), (9, 99)])
async def test_a_range_is_read(store: ArtifactStore, start: int, end: int | None) -> None:
    artifact = await put(store, b"0123456789")
    assert await read_all(await store.open(artifact.id, start=start, end=end)) == b"0123456789"[start:end]


@pytest.mark.parametrize(("start", "end"), [(10, None), (11, 12), (4, 4), (5, 4), (-1, None)])
async def test_a_range_that_holds_nothing_is_refused(store: ArtifactStore, start: int, end: int | None) -> None:
    artifact = await put(store, b"0123456789")
    with pytest.raises(InvalidInput):
        await store.open(artifact.id, start=start, end=end)


@pytest.mark.parametrize(
    "artifact_id",
    ["", "job", "job/1", "job/1/2", "job/2/1", "job/1/1.json", "job/01/1", "job/0/1", "../1/1", "job/1/../../etc"],
)
async def test_an_id_that_names_nothing_is_not_found(store: ArtifactStore, artifact_id: str) -> None:
    await put(store, b"data")
    with pytest.raises(NotFound):
        await store.get(artifact_id)
    with pytest.raises(NotFound):
        await store.open(artifact_id)


@pytest.mark.parametrize(
    ("job_id", "attempt", "name", "media_type", "kind"),
    [
        ("../job", 1, "a", "image/png", "output"),
        ("job/1", 1, "a", "image/png", "output"),
        ("", 1, "a", "image/png", "output"),
        ("job", 0, "a", "image/png", "output"),
        ("job", 1, "a" * 1025, "image/png", "output"),
        ("job", 1, "a", "image/png\r\nSet-Cookie: a=b", "output"),
        ("job", 1, "a", "", "output"),
        ("job", 1, "a", "image/png", "final"),
    ],
)
async def test_an_upload_that_makes_no_sense_is_refused(
    store: ArtifactStore, job_id: str, attempt: int, name: str, media_type: str, kind: str
) -> None:
    with pytest.raises(InvalidInput):
        await store.put(job_id, attempt, name, in_chunks(b""), media_type=media_type, kind=kind)


@pytest.mark.parametrize("job_id", ["", "..", "job/1", "a\0b"])
async def test_a_job_id_that_is_none_is_refused(store: ArtifactStore, job_id: str) -> None:
    with pytest.raises(InvalidInput):
        await store.list(job_id)
    with pytest.raises(InvalidInput):
        await store.put_payload(job_id, b"")
    with pytest.raises(InvalidInput):
        await store.get_payload(job_id)


async def test_a_file_over_the_limit_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(InvalidInput, match="max_artifact_bytes"):
        await put(store, b"x" * (MAX_BYTES + 1))
    assert await store.list("job") == ()


async def test_a_source_that_breaks_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(ConnectionResetError):
        await store.put("job", 1, "a", breaking())
    assert await store.list("job") == ()
    assert (await put(store, b"data")).id == "job/1/2"


async def test_a_cancelled_put_leaves_nothing(store: ArtifactStore) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(store.put("job", 1, "a", hanging(begun)))
    await begun.wait()
    assert await store.list("job") == ()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.list("job") == ()
    with pytest.raises(NotFound):
        await store.open("job/1/1")


async def test_a_payload_is_kept(store: ArtifactStore) -> None:
    payload = os.urandom(2 * CHUNK_BYTES)
    await store.put_payload("job", payload)
    assert await store.get_payload("job") == payload
    assert await store.list("job") == ()


async def test_a_payload_may_be_put_again_but_not_replaced(store: ArtifactStore) -> None:
    await store.put_payload("job", b"one")
    await store.put_payload("job", b"one")
    with pytest.raises(Conflict):
        await store.put_payload("job", b"two")
    assert await store.get_payload("job") == b"one"


async def test_a_payload_that_is_not_there_is_not_found(store: ArtifactStore) -> None:
    with pytest.raises(NotFound, match="no payload job"):
        await store.get_payload("job")


async def test_a_payload_over_the_limit_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(LimitExceeded, match="max_payload_bytes"):
        await store.put_payload("job", bytes(MAX_PAYLOAD_BYTES + 1))
