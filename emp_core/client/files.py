"""Files of jobs on this machine's disk: results that come down, inputs that go up.

A downloaded file keeps the name and the folders that the service gave it, cleaned (see `domain.file_names`).
"""

import asyncio
import hashlib
import mimetypes
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emp_core.client.name_template import NameTemplate
from emp_core.client.queue import Queue
from emp_core.domain.file_names import same_place
from emp_core.domain.outcome import Artifact
from emp_core.errors import Conflict, InvalidInput
from emp_core.ids import new_nonce

CHUNK_BYTES = 1024 * 1024
MOST_OF_A_NAME = 10_000


AS_NAMED = NameTemplate()

Opener = Callable[[str], Awaitable[AsyncIterator[bytes]]]
"""Opens a file by its id."""


async def download(
    open_file: Opener,
    artifacts: Sequence[Artifact],
    directory: Path,
    template: NameTemplate = AS_NAMED,
    nodes: Mapping[str, str] | None = None,
) -> list[Path]:
    """Save files in a directory, and overwrite none that is there: a file that has its name gets a number.

    `nodes` has the node that made each artifact, by its id. A file that was saved before is not saved again.
    """
    taken: set[str] = set()
    saved: list[Path] = []
    for index, artifact in enumerate(artifacts, 1):
        name = template.path(artifact, index, (nodes or {}).get(artifact.id, ""))
        path = await asyncio.to_thread(_place, directory, name)
        saved.append(await _fetch(open_file, artifact, path, taken))
    return saved


def nodes_of(data: Any) -> dict[str, str]:
    """Artifact -> the node that made it, from a result's `outputs`, if it has them."""
    outputs = data.get("outputs") if isinstance(data, dict) else None
    found: dict[str, str] = {}
    for node, kinds in outputs.items() if isinstance(outputs, dict) else ():
        for entries in kinds.values() if isinstance(kinds, dict) else ():
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("artifact"), str):
                    found[entry["artifact"]] = node
    return found


def _place(directory: Path, name: str) -> Path:
    """Where to save a file: with its folders, unless a file has the name of one of these."""
    for path in (directory / name, directory / name.replace("/", "_")):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            refusal = error
        except OSError as error:
            raise InvalidInput("output_dir", f"{path.parent} cannot be made: {error.strerror}") from error
        else:
            return path
    raise InvalidInput("output_dir", f"{directory} is not a directory") from refusal


def _numbered(path: Path, taken: set[str]) -> Iterator[Path]:
    """The path, then `name-2.png`, `name-3.png` and so on; not those of other files of this job."""
    for number in range(1, MOST_OF_A_NAME + 1):
        candidate = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if same_place(str(candidate)) not in taken:
            yield candidate
    raise Conflict(f"{path} and {MOST_OF_A_NAME} numbered files like it exist", hint="choose another directory")


async def _fetch(open_file: Opener, artifact: Artifact, path: Path, taken: set[str]) -> Path:
    draft = path.with_name(f".{new_nonce()}.part")
    try:
        for candidate in _numbered(path, taken):
            if await _is_saved(open_file, artifact, draft, candidate):
                taken.add(same_place(str(candidate)))
                return candidate
    except OSError as error:
        raise InvalidInput("output_dir", f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    raise AssertionError("the numbers end with an error")


async def _is_saved(open_file: Opener, artifact: Artifact, draft: Path, path: Path) -> bool:
    """Save a file under this name, or find it there. False if another file has the name."""
    if not await asyncio.to_thread(os.path.lexists, path):
        if not await asyncio.to_thread(os.path.lexists, draft):
            await _write(draft, await open_file(artifact.id), artifact)
        with suppress(FileExistsError):
            os.link(draft, path)
            return True
    return await asyncio.to_thread(_same_file, path, artifact)


async def _write(path: Path, chunks: AsyncIterator[bytes], artifact: Artifact) -> None:
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        async for chunk in chunks:
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    if digest.hexdigest() != artifact.sha256:
        raise Conflict(f"file {artifact.id} arrived damaged", hint="try again")


def _same_file(path: Path, artifact: Artifact) -> bool:
    if not path.is_file() or path.stat().st_size != artifact.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256


async def upload(queue: Queue, job_id: str, name: str, path: Path) -> Artifact:
    """Store an input of a job that is not submitted yet. The same one again, for a repeated submit, stays the same."""
    try:
        digest = await asyncio.to_thread(_digest, path)
    except OSError as error:
        raise InvalidInput("file", f"{path} cannot be read: {error.strerror}") from error
    for artifact in await queue.list_files(job_id):
        if (artifact.name, artifact.sha256, artifact.kind) == (name, digest, "input"):
            return artifact
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return await queue.put_input(job_id, name, _read(path), media_type=media_type)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
