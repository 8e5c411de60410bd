"""Files that come down while others write to the same place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from emp_core.artifacts.local import LocalArtifacts
from emp_core.client import files
from emp_core.domain.outcome import Artifact
from emp_core.errors import Conflict


class Slow(LocalArtifacts):
    """A store with which something happens before a file comes."""

    def __init__(self, directory: Path, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(directory)
        self._meanwhile = meanwhile

    async def open(self, artifact_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        await self._meanwhile()
        return await super().open(artifact_id, start=start, end=end)


async def store_one(store: LocalArtifacts) -> Artifact:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"picture"

    return await store.put("job1", 1, "a.png", chunks())


async def test_two_downloads_of_one_file_at_once_both_have_it(tmp_path: Path) -> None:
    store = Slow(tmp_path / "artifacts", asyncio.Barrier(2).wait)
    artifact = await store_one(store)
    out = tmp_path / "out"
    one, two = await asyncio.gather(*(files.download(store, [artifact], out) for _ in range(2)))
    assert one == two == list(out.iterdir())
    assert one[0].read_bytes() == b"picture"


async def test_another_file_that_comes_under_its_name_meanwhile_stays(tmp_path: Path) -> None:
    async def put_mine() -> None:
        path.write_bytes(b"mine")

    store = Slow(tmp_path / "artifacts", put_mine)
    artifact = await store_one(store)
    path = tmp_path / "out" / files.local_name(artifact)
    with pytest.raises(Conflict, match="other content"):
        await files.download(store, [artifact], path.parent)
    assert path.read_bytes() == b"mine"
    assert list(path.parent.iterdir()) == [path]
