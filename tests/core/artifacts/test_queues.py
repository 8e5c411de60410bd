"""Queues that share a place for their files: each has its own, and what older versions left there is only read."""

from pathlib import Path

import pytest

from emp_core.artifacts import open_objects
from emp_core.errors import NotFound
from tests.support.artifacts import files_in, knows_none, put, read_all, soon_ms


async def test_a_sweep_touches_only_the_files_of_its_own_queue(tmp_path: Path) -> None:
    old = open_objects(tmp_path.as_uri())
    ours, theirs = (open_objects(tmp_path.as_uri(), queue) for queue in ("ours", "theirs"))
    for store in (old, ours, theirs):
        await put(store, b"bytes")
    before = files_in(tmp_path)
    assert await ours.sweep(knows_none, soon_ms()) == 1
    assert [name for name in before if name not in files_in(tmp_path)] == [
        name for name in before if name.startswith("ours/")
    ]


async def test_a_job_that_is_deleted_leaves_the_files_of_a_job_of_another_queue_with_its_id(tmp_path: Path) -> None:
    ours, theirs = (open_objects(tmp_path.as_uri(), queue) for queue in ("ours", "theirs"))
    for store, data in ((ours, b"ours"), (theirs, b"theirs")):
        await put(store, data)
        await store.put_payload("job", data)
    await ours.delete_job("job")
    assert await ours.list("job") == ()
    assert await read_all(await theirs.open("job/1/1")) == b"theirs"
    assert await theirs.get_payload("job") == b"theirs"


async def test_files_that_an_older_version_left_are_read_and_never_changed(tmp_path: Path) -> None:
    old = open_objects(tmp_path.as_uri())
    first = await put(old, b"old")
    await old.put_payload("job", b"payload")
    before = files_in(tmp_path)
    store = open_objects(tmp_path.as_uri(), "queue")
    assert await store.get(first.id) == first
    assert await read_all(await store.open(first.id, start=1)) == b"ld"
    assert await store.get_payload("job") == b"payload"
    size, chunks = await store.open_payload("job")
    assert (size, await read_all(chunks)) == (7, b"payload")
    second = await put(store, b"new")
    assert second.id == "job/1/2"
    assert await store.list("job") == (first, second)
    await store.delete_job("job")
    assert await store.list("job") == (first,)
    assert await store.sweep(knows_none, soon_ms()) == 0
    assert [name for name in before if name not in files_in(tmp_path)] == []


async def test_what_is_nowhere_is_not_found(tmp_path: Path) -> None:
    store = open_objects(tmp_path.as_uri(), "queue")
    for call in (store.get("job/1/1"), store.open("job/1/1"), store.get_payload("job"), store.open_payload("job")):
        with pytest.raises(NotFound):
            await call
