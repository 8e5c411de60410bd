"""What every artifact store does, and what an upload may be."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Protocol, Self

from pydantic import TypeAdapter

from emp_core.domain.outcome import Artifact
from emp_core.domain.values import cut, shown
from emp_core.errors import InvalidInput, LimitExceeded, NotFound
from emp_core.ids import is_id

CHUNK_BYTES = 1024 * 1024
MAX_ARTIFACT_BYTES = 4 * 1024**3
MAX_PAYLOAD_BYTES = 64 * 1024**2
MAX_NAME_LENGTH = 1024
MAX_MEDIA_TYPE_LENGTH = 255

KINDS = ("output", "temp", "input")

MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+( *;[\x20-\x7e]*)?", re.ASCII)
PLACE = re.compile(r"([^/]+)/([1-9][0-9]{0,9})/([1-9][0-9]{0,9})")

ARTIFACT = TypeAdapter(Artifact)
ARTIFACTS = TypeAdapter(tuple[Artifact, ...])


class ArtifactStore(Protocol):
    """Keeps files by job and attempt."""

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
        """Stores a file under an id of its own; a put that does not return leaves nothing to be seen."""
        ...

    def signed(self, worker: str, nonce: str) -> Self:
        """The same store for who holds a claim: a hub takes a running attempt's files from nobody else."""
        ...

    async def get(self, artifact_id: str) -> Artifact:
        """What is known of a file."""
        ...

    async def open(self, artifact_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """A file's bytes from `start` up to, not including, `end`, or up to its end where that comes first."""
        ...

    async def list(self, job_id: str) -> tuple[Artifact, ...]:
        """A job's files by attempt, in the order in which they were begun."""
        ...

    async def put_payload(self, job_id: str, payload: bytes) -> None:
        """Keeps a payload that is too large for the queue; the same one again is no error, another one is."""
        ...

    async def get_payload(self, job_id: str) -> bytes:
        """The payload that was kept for a job."""
        ...

    async def open_payload(self, job_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """The size and the bytes of the payload that was kept for a job."""
        ...

    async def aclose(self) -> None:
        """Ends the connections."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An artifact's id, taken apart."""

    job_id: str
    attempt: int
    number: int

    @classmethod
    def match(cls, text: str) -> Self | None:
        """None for a text that no store could have made, such as one with `..` in it."""
        parts = PLACE.fullmatch(text)
        if parts is None or not is_id(parts[1]):
            return None
        return cls(parts[1], int(parts[2]), int(parts[3]))

    @classmethod
    def parse(cls, artifact_id: str) -> Self:
        place = cls.match(artifact_id)
        if place is None:
            raise NotFound("artifact", cut(artifact_id))
        return place

    def __str__(self) -> str:
        return f"{self.job_id}/{self.attempt}/{self.number}"


class Meter:
    """Measures what passes, and stops what is too large."""

    def __init__(self, max_bytes: int) -> None:
        self.size = 0
        self._max_bytes = max_bytes
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def measured(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise LimitExceeded("artifact", "max_artifact_bytes", self.size, self._max_bytes)
            await self._hash(chunk)
            yield chunk

    async def _hash(self, chunk: bytes) -> None:
        if len(chunk) > CHUNK_BYTES:
            await asyncio.to_thread(self._digest.update, chunk)
        else:
            self._digest.update(chunk)


async def in_chunks(data: bytes) -> AsyncIterator[bytes]:
    """Bytes at hand, as an upload wants them."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def check_job_id(job_id: str) -> None:
    """Refuses what cannot name a job, and so could name another place."""
    if not is_id(job_id):
        raise InvalidInput("job_id", f"{shown(job_id)} cannot name a job")


def check_upload(job_id: str, attempt: int, name: str, media_type: str, kind: str) -> None:
    """Refuses what a put cannot mean."""
    check_job_id(job_id)
    if attempt < 1:
        raise InvalidInput("attempt", f"must be at least 1, not {attempt}")
    if len(name) > MAX_NAME_LENGTH:
        raise LimitExceeded("name", "max_name_length", len(name), MAX_NAME_LENGTH)
    if len(media_type) > MAX_MEDIA_TYPE_LENGTH:
        raise LimitExceeded("media_type", "max_media_type_length", len(media_type), MAX_MEDIA_TYPE_LENGTH)
    if MEDIA_TYPE.fullmatch(media_type) is None:
        raise InvalidInput("media_type", f"{media_type!r} is not a media type")
    if kind not in KINDS:
        raise InvalidInput("kind", f"must be one of {', '.join(KINDS)}, not {shown(kind)}")


def check_payload(job_id: str, payload: bytes) -> None:
    """Refuses a payload that no store takes."""
    check_job_id(job_id)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise LimitExceeded("payload", "max_payload_bytes", len(payload), MAX_PAYLOAD_BYTES)


def check_range(start: int, end: int | None) -> None:
    """Refuses a range that holds nothing in any file."""
    if start < 0 or (end is not None and end <= start):
        raise InvalidInput("range", f"no bytes from {start} up to {end}")
