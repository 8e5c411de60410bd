"""Files of jobs on this machine's disk: results that come down, inputs that go up.

A downloaded file gets a name of ours: what a service called it is hostile text, and may be the name of another file.
"""

import asyncio
import hashlib
import mimetypes
import os
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath

from emp_core.artifacts import ArtifactStore
from emp_core.domain.outcome import Artifact
from emp_core.errors import Conflict, InvalidInput
from emp_core.ids import new_nonce

CHUNK_BYTES = 1024 * 1024
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


def local_name(artifact: Artifact) -> str:
    """`<job>-<attempt>-<number>.png`: the artifact's id, and the harmless part of what the service called it."""
    suffix = PurePosixPath(artifact.name.replace("\\", "/")).suffix
    if not SUFFIX.fullmatch(suffix):
        suffix = mimetypes.guess_extension(artifact.media_type.partition(";")[0].strip()) or ".bin"
    return artifact.id.replace("/", "-").replace(":", "_") + suffix.lower()


async def download(store: ArtifactStore, artifacts: Sequence[Artifact], directory: Path) -> list[Path]:
    """Bring files into a directory. One that is there already stays; another one under its name is a `Conflict`."""
    try:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("output_dir", f"cannot be made: {error.strerror}") from error
    return [await _fetch(store, artifact, directory / local_name(artifact)) for artifact in artifacts]


async def _fetch(store: ArtifactStore, artifact: Artifact, path: Path) -> Path:
    if await asyncio.to_thread(_same_file, path, artifact):
        return path
    draft = path.with_name(f".{path.name}.{new_nonce()}.part")
    chunks = await store.open(artifact.id)
    try:
        await _write(draft, chunks, artifact)
        os.link(draft, path)
    except FileExistsError:
        if not await asyncio.to_thread(_same_file, path, artifact):
            raise Conflict(f"{path} exists with other content", hint="choose another directory") from None
    except OSError as error:
        raise InvalidInput("output_dir", f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path


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


async def upload(store: ArtifactStore, job_id: str, name: str, path: Path) -> Artifact:
    """Store an input of a job that is not submitted yet. The same one again, for a repeated submit, stays the same."""
    try:
        digest = await asyncio.to_thread(_digest, path)
    except OSError as error:
        raise InvalidInput("file", f"{path} cannot be read: {error.strerror}") from error
    for artifact in await store.list(job_id):
        if (artifact.name, artifact.sha256, artifact.kind) == (name, digest, "input"):
            return artifact
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return await store.put(job_id, 1, name, _read(path), media_type=media_type, kind="input")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
