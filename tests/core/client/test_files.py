"""Files that come down while others write to the same place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from emp_core.artifacts.local import LocalArtifacts
from emp_core.client import files
from emp_core.client.name_template import NameTemplate
from emp_core.domain.outcome import Artifact
from emp_core.errors import InvalidInput


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
    one, two = await asyncio.gather(*(files.download(store.open, [artifact], out) for _ in range(2)))
    assert one == two == list(out.iterdir())
    assert one[0].read_bytes() == b"picture"


async def test_another_file_that_comes_under_its_name_meanwhile_stays(tmp_path: Path) -> None:
    async def put_mine() -> None:
        path.write_bytes(b"mine")

    store = Slow(tmp_path / "artifacts", put_mine)
    artifact = await store_one(store)
    path = tmp_path / "out" / "a.png"
    assert await files.download(store.open, [artifact], path.parent) == [path.with_name("a-2.png")]
    assert path.read_bytes() == b"mine"
    assert len(list(path.parent.iterdir())) == 2


async def store_all(store: LocalArtifacts, *names: str) -> list[Artifact]:
    async def chunks(text: str) -> AsyncIterator[bytes]:
        yield text.encode()

    return [await store.put("job1", 1, name, chunks(f"{number}")) for number, name in enumerate(names)]


async def saved(tmp_path: Path, artifacts: list[Artifact], store: LocalArtifacts, **options: Any) -> list[str]:
    out = tmp_path / "out"
    paths = await files.download(store.open, artifacts, out, **options)
    assert all(path.resolve().is_relative_to(out.resolve()) for path in paths)
    return [path.relative_to(out).as_posix() for path in paths]


async def test_files_keep_their_names_and_folders(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    artifacts = await store_all(store, "a_00001_.png", "sub/a_00001_.png", "sub/deep/b.mp4")
    for _ in range(2):
        assert await saved(tmp_path, artifacts, store) == ["a_00001_.png", "sub/a_00001_.png", "sub/deep/b.mp4"]


async def test_equal_names_get_numbers_and_a_second_download_finds_the_same_files(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    artifacts = await store_all(store, "a.png", "A.png", "a.png")
    for _ in range(2):
        assert await saved(tmp_path, artifacts, store) == ["a.png", "A-2.png", "a-3.png"]
    assert len(list((tmp_path / "out").iterdir())) == 3


async def test_two_jobs_with_equal_names_share_a_directory(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    one, two = await store_all(store, "ComfyUI_00001_.png", "ComfyUI_00001_.png")
    assert await saved(tmp_path, [one], store) == ["ComfyUI_00001_.png"]
    assert await saved(tmp_path, [two], store) == ["ComfyUI_00001_-2.png"]


async def test_hostile_names_stay_in_the_directory(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    names = [
        "/etc/passwd",
        "../../up.png",
        "a\\..\\b.png",
        "con.png",
        "x\x1b[2J\u202egnp.exe",
        "..",
        "é" * 300 + ".png",
    ]
    found = await saved(tmp_path, await store_all(store, *names), store)
    assert found[:6] == ["etc/passwd", "up.png", "a/b.png", "_con.png", "x_[2J_gnp.exe", "file"]
    assert found[6].endswith("é.png")


async def test_a_file_where_a_folder_should_be_is_kept_and_the_name_made_flat(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    artifacts = await store_all(store, "a", "a/b.png", "c/d", "c")
    for _ in range(2):
        assert await saved(tmp_path, artifacts, store) == ["a", "a_b.png", "c/d", "c-2"]


async def test_a_template_names_files(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "artifacts")
    artifacts = await store_all(store, "sub/a.png", "b")
    template = NameTemplate("{node}/{job}.{attempt}-{index:03}-{stem}-{folder}.{ext}")
    found = await saved(tmp_path, artifacts, store, template=template, nodes={artifacts[0].id: "9"})
    assert found == ["9/job1.1-001-a-sub.png", "job1.1-002-b-"]


@pytest.mark.parametrize(
    "text", ["{jobb}", "{}", "{0}", "{job.id}", "{job!r}", "{job:9}", "{index:x}", "{index:999}", "{name[0]}", "{", "}"]
)
def test_a_template_with_an_unknown_field_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="name_template"):
        NameTemplate(text)


@pytest.mark.parametrize("data", [None, [], {"outputs": []}, {"outputs": {"1": []}}, {"outputs": {"1": {"a": 3}}}])
def test_results_of_another_shape_name_no_nodes(data: object) -> None:
    assert files.nodes_of(data) == {}


def test_the_node_of_a_file_is_told_by_the_result() -> None:
    data = {"outputs": {"9": {"images": [{"name": "a.png", "artifact": "j/1/1"}, "text"]}}}
    assert files.nodes_of(data) == {"j/1/1": "9"}
