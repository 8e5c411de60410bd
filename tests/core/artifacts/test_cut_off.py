"""A put that is cut off as it ends, by one cancel or by two."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from obstore.exceptions import GenericError

from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.errors import NotFound
from tests.support.artifacts import put, read_all

DESCRIBE, EMPTY, DELETE = 3, 4, 5
"""The calls of a put that is cancelled; before them it takes its number and writes the bytes."""


class Held:
    """A store whose calls get through whether or not anybody waits for them, as a disk's do; here each on a word."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._calls: list[asyncio.Task[Any]] = []
        self.begun = {call: asyncio.Event() for call in range(1, 9)}
        self.may = {call: asyncio.Event() for call in self.begun}
        self.error: Exception | None = None
        """What all calls end with from now on."""

        for call in range(1, DESCRIBE):
            self.may[call].set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put_async(self, *args: Any, **options: Any) -> Any:
        return await self._in_turn(self._store.put_async(*args, **options))

    async def delete_async(self, path: str) -> Any:
        return await self._in_turn(self._store.delete_async(path))

    async def _in_turn(self, call: Coroutine[Any, Any, Any]) -> Any:
        self._calls.append(asyncio.ensure_future(self._held(len(self._calls) + 1, call)))
        return await asyncio.shield(self._calls[-1])

    async def _held(self, number: int, call: Coroutine[Any, Any, Any]) -> Any:
        self.begun[number].set()
        await self.may[number].wait()
        if self.error:
            call.close()
            raise self.error
        return await call

    async def go_on(self) -> None:
        """All that was held and all that comes."""
        for may in self.may.values():
            may.set()
        await asyncio.gather(*self._calls)


@pytest.fixture
def held(holder: ObjectArtifacts) -> Held:
    store = Held(holder._store)
    holder._store = store  # type: ignore[assignment]
    return store


async def test_a_put_that_is_cancelled_as_its_json_is_written_leaves_nothing(
    holder: ObjectArtifacts, held: Held
) -> None:
    task = asyncio.create_task(put(holder, b"data"))
    await held.begun[DESCRIBE].wait()
    task.cancel()
    for call in (DESCRIBE, EMPTY, DELETE):
        held.may[call].set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await held.go_on()
    assert await holder.list("job") == ()
    with pytest.raises(NotFound):
        await holder.open("job/1/1")
    assert (await put(holder, b"data")).id == "job/1/2"


@pytest.mark.parametrize("again", [DESCRIBE, EMPTY, DELETE])
async def test_a_put_that_is_cancelled_twice_leaves_a_whole_file_or_none(
    holder: ObjectArtifacts, held: Held, again: int
) -> None:
    task = asyncio.create_task(put(holder, b"data"))
    await held.begun[DESCRIBE].wait()
    task.cancel()
    await asyncio.wait([task], timeout=0)
    for call in range(DESCRIBE, again):
        held.may[call].set()
    await held.begun[again].wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await held.go_on()
    for artifact in await holder.list("job"):
        assert await read_all(await holder.open(artifact.id)) == b"data"


async def test_a_cancel_is_one_though_nothing_can_be_taken_back(holder: ObjectArtifacts, held: Held) -> None:
    task = asyncio.create_task(put(holder, b"data"))
    await held.begun[DESCRIBE].wait()
    task.cancel()
    held.may[DESCRIBE].set()
    await held.begun[EMPTY].wait()
    held.error = GenericError("the store is unavailable")
    held.may[EMPTY].set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(await holder.list("job")) == 1


async def test_a_file_whose_bytes_are_gone_is_not_found(holder: ObjectArtifacts) -> None:
    artifact = await put(holder, b"data")
    await holder._store.delete_async(artifact.id)
    with pytest.raises(NotFound, match="no artifact job/1/1"):
        await holder.open(artifact.id)


async def test_a_list_leaves_out_what_is_taken_back_meanwhile(
    holder: ObjectArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await put(holder, b"data")
    contents = await holder._contents("job")
    await holder._store.put_async(f"{artifact.id}.json", b"")

    async def before(job_id: str) -> Any:
        return contents

    monkeypatch.setattr(holder, "_contents", before)
    assert await holder.list("job") == ()
