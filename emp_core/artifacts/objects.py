"""The layout of artifacts, in any store that obstore speaks to.

    <queue>/                        each queue's files are its own; what older versions put beside is read only
    <job>/<attempt>/<number>        the bytes
    <job>/<attempt>/<number>.json   what is known of them; empty until they are complete
    <job>/payload                   a payload too large for the queue

The JSON is created first, empty, which fails where it exists and so gives each number once; then come the bytes; then
the JSON is written. A file that has not come so far is not listed. Its number is not given again, as a request that was
cut off may still arrive. What a killed process leaves goes with its job.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, Self

from obstore.exceptions import AlreadyExistsError, BaseError
from pydantic import ValidationError

from emp_core.artifacts.contract import (
    ARTIFACT,
    CHUNK_BYTES,
    MAX_ARTIFACT_BYTES,
    Meter,
    Place,
    check_job_id,
    check_payload,
    check_range,
    check_upload,
)
from emp_core.domain.outcome import Artifact
from emp_core.errors import ArtifactsUnavailable, Conflict, InvalidInput, NotFound
from emp_core.ids import is_id, new_nonce
from emp_core.urls import masked

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta, PutResult
    from obstore.store import ObjectStore

log = logging.getLogger(__name__)

PARALLEL_PARTS = 4
"""Parts of one upload in flight; each holds 5 MiB."""

SWEEP_BATCH = 500

CHECKED = "_check"
"""Where `check` writes; no job has such an id."""

OURS = re.compile(r"[^/]+/(payload|[1-9][0-9]*/[1-9][0-9]*(\.json)?)")
"""Only such keys are ever deleted, should the store be shared with strangers."""

KnownJobs = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Which of some jobs the queue still knows."""


class Stored(NamedTuple):
    """One object."""

    path: str
    size: int
    modified_ms: int

    @property
    def describes(self) -> Place | None:
        """The artifact of which this is the JSON."""
        return Place.match(self.path.removesuffix(".json")) if self.path.endswith(".json") else None


class ObjectArtifacts:
    """Files in an object store."""

    def __init__(
        self, store: "ObjectStore", *, max_bytes: int = MAX_ARTIFACT_BYTES, older: "ObjectArtifacts | None" = None
    ) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._older = older
        """Where older versions kept files. What is not in this store is read from there; nothing there is changed."""

    async def put(
        self,
        job_id: str,
        attempt: int,
        name: str,
        chunks: AsyncIterable[bytes],
        *,
        media_type: str = "application/octet-stream",
        kind: str = "output",
    ) -> Artifact:
        check_upload(job_id, attempt, name, media_type, kind)
        meter = Meter(self._max_bytes)
        with answering():
            place = await self._reserve(job_id, attempt)
            described: asyncio.Task[PutResult] | None = None
            try:
                await self._store.put_async(
                    self._key(str(place)), meter.measured(chunks), max_concurrency=PARALLEL_PARTS
                )
                artifact = Artifact(
                    id=str(place), name=name, size=meter.size, sha256=meter.sha256, media_type=media_type, kind=kind
                )
                described = asyncio.ensure_future(self._describe(place, ARTIFACT.dump_json(artifact)))
                await asyncio.shield(described)
            except BaseException:
                await self._discard(place, described)
                raise
        return artifact

    def signed(self, worker: str, nonce: str) -> Self:
        return self

    async def get(self, artifact_id: str) -> Artifact:
        place = Place.parse(artifact_id)
        artifact = await self._known(place)
        if artifact is None:
            raise NotFound("artifact", artifact_id)
        return artifact

    async def open(self, artifact_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        check_range(start, end)
        artifact = await self.get(artifact_id)
        if start > 0 and start >= artifact.size:
            raise InvalidInput("range", f"byte {start} of a file of {artifact.size}")
        # No store takes a range of an empty file.
        options: GetOptions = {} if artifact.size == 0 else {"range": (start, min(end or artifact.size, artifact.size))}
        result = await self._opened(artifact.id, options)
        if result is None:
            raise NotFound("artifact", artifact_id)
        return _streamed(result)

    async def list(self, job_id: str) -> tuple[Artifact, ...]:
        check_job_id(job_id)
        contents = await self._all_contents(job_id)
        places = sorted({place for stored in contents if stored.size and (place := stored.describes)})
        known = await asyncio.gather(*(self._known(place) for place in places))
        return tuple(artifact for artifact in known if artifact is not None)

    async def put_payload(self, job_id: str, payload: bytes) -> None:
        check_payload(job_id, payload)
        if await self._create(f"{job_id}/payload", payload) or await self.get_payload(job_id) == payload:
            return
        raise Conflict(f"job {job_id} has another payload")

    async def get_payload(self, job_id: str) -> bytes:
        check_job_id(job_id)
        payload = await self._read(f"{job_id}/payload")
        if payload is None:
            raise NotFound("payload", job_id)
        return payload

    async def open_payload(self, job_id: str) -> tuple[int, AsyncIterator[bytes]]:
        check_job_id(job_id)
        result = await self._opened(f"{job_id}/payload")
        if result is None:
            raise NotFound("payload", job_id)
        return result.meta["size"], _streamed(result)

    async def delete_job(self, job_id: str) -> None:
        """Deletes all files of a job, and its payload."""
        check_job_id(job_id)
        await self._delete(job_id, await self._contents(job_id))

    async def sweep(self, known_jobs: KnownJobs, before_ms: int) -> int:
        """Deletes the files of jobs that the queue has forgotten; the number of jobs.

        A payload is kept before its job is submitted, so what changed since `before_ms` stays.
        """
        with answering():
            names = (await self._store.list_with_delimiter_async())["common_prefixes"]
        jobs = [name for name in names if is_id(name)]
        swept = 0
        for start in range(0, len(jobs), SWEEP_BATCH):
            batch = jobs[start : start + SWEEP_BATCH]
            known = await known_jobs(batch)
            swept += sum([await self._sweep_job(job_id, before_ms) for job_id in batch if job_id not in known])
        return swept

    async def check(self) -> None:
        """Write a file and read it back. Raises `ArtifactsUnavailable` or `Conflict`."""
        written = new_nonce().encode()
        path = f"{CHECKED}/{written.decode()}"
        with answering():
            await self._store.put_async(self._key(path), written)
        try:
            if await self._read(path) != written:
                raise Conflict("the file store does not return what was written to it")
        finally:
            with answering(), suppress(FileNotFoundError):
                await self._store.delete_async(path)

    async def aclose(self) -> None:
        """Nothing is open between calls."""

    async def _sweep_job(self, job_id: str, before_ms: int) -> bool:
        contents = await self._contents(job_id)
        if max((stored.modified_ms for stored in contents), default=before_ms) >= before_ms:
            return False
        await self._delete(job_id, contents)
        return True

    async def _reserve(self, job_id: str, attempt: int) -> Place:
        places = [place for stored in await self._all_contents(job_id) if (place := stored.describes)]
        number = max((place.number for place in places if place.attempt == attempt), default=0)
        while True:
            number += 1
            place = Place(job_id, attempt, number)
            if await self._create(f"{place}.json", b""):
                return place

    async def _describe(self, place: Place, known: bytes) -> "PutResult":
        return await self._store.put_async(self._key(f"{place}.json"), known)

    async def _discard(self, place: Place, described: "asyncio.Task[PutResult] | None") -> None:
        """Takes a file back, its bytes last: where that cannot be, or is cut off, it is whole or not listed."""
        with suppress(BaseError, FileNotFoundError):
            if described is not None:
                # A write that nobody waits for may get through, and must not do so after this.
                await asyncio.wait([described])
                await self._describe(place, b"")
            await self._store.delete_async(str(place))

    async def _known(self, place: Place) -> Artifact | None:
        """What a file's JSON says; none that is not complete, or that somebody damaged."""
        described = await self._read(f"{place}.json")
        try:
            return ARTIFACT.validate_json(described) if described else None
        except ValidationError as error:
            log.warning("%s.json cannot be read: %d errors", place, error.error_count())
            return None

    async def _create(self, path: str, data: bytes) -> bool:
        with answering():
            try:
                await self._store.put_async(self._key(path), data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    async def _read(self, path: str) -> bytes | None:
        result = await self._opened(path)
        if result is None:
            return None
        with answering():
            return bytes(await result.bytes_async())

    async def _opened(self, path: str, options: "GetOptions | None" = None) -> "GetResult | None":
        with answering():
            try:
                return await self._store.get_async(self._key(path), options=options)
            except FileNotFoundError:
                return await self._older._opened(path, options) if self._older else None

    def _key(self, path: str) -> str:
        """The store's name for a path; a disk looks first where it leads."""
        return path

    async def _all_contents(self, job_id: str) -> Sequence[Stored]:
        """With what only can be read."""
        older = await self._older._contents(job_id) if self._older else ()
        return [*await self._contents(job_id), *older]

    async def _contents(self, job_id: str) -> Sequence[Stored]:
        with answering():
            objects = await self._store.list(self._key(job_id)).collect_async()
        return [_stored(meta) for meta in objects if OURS.fullmatch(meta["path"])]

    async def _delete(self, job_id: str, contents: Sequence[Stored]) -> None:
        with answering(), suppress(FileNotFoundError):
            await self._store.delete_async([stored.path for stored in contents])


def _stored(meta: "ObjectMeta") -> Stored:
    return Stored(meta["path"], meta["size"], int(meta["last_modified"].timestamp() * 1000))


async def _streamed(result: "GetResult") -> AsyncIterator[bytes]:
    with answering():
        async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
            yield chunk


@contextmanager
def answering() -> Iterator[None]:
    """Turns the store's errors into ours; what they tell of paths and addresses is for the log, and no caller's."""
    try:
        yield
    except BaseError as error:
        log.warning("the artifact store: %s", first_line(error))
        raise ArtifactsUnavailable("the file store is not available now") from error


def first_line(error: BaseError) -> str:
    """What an error says, without secrets; the rest is obstore's own anatomy."""
    return masked(str(error).partition("\n")[0])
