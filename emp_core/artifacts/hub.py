"""Artifacts through the hub, for who reaches neither the disk nor the object store that it keeps them in.

PUT /api/jobs/{job}/attempts/{attempt}/artifacts?name=…&kind=…   a body of any length -> the artifact
GET /api/jobs/{job}/artifacts                                    -> a list of artifacts
GET /api/artifacts/{job}/{attempt}/{number}                      -> the bytes; `Range` is honoured
PUT, GET /api/jobs/{job}/payload                                 a payload too large for the queue
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Self, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from emp_core.artifacts.contract import (
    ARTIFACT,
    ARTIFACTS,
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
from emp_core.errors import AccessDenied, Conflict, EmpError, HubUnavailable, InvalidInput, NotFound

T = TypeVar("T")

PROBLEM = "application/problem+json"

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
"""60 s without a byte either way; a whole transfer may take longer."""


class HubArtifacts:
    """Files that a hub keeps."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        max_bytes: int = MAX_ARTIFACT_BYTES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=TIMEOUT, transport=transport)
        self._signature: Mapping[str, str] = {}

    def signed(self, worker: str, nonce: str) -> Self:
        signed = copy(self)
        signed._signature = {"X-Emp-Worker": worker, "X-Emp-Nonce": nonce}
        return signed

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
        request = self._client.build_request(
            "PUT",
            f"/api/jobs/{job_id}/attempts/{attempt}/artifacts",
            params={"name": name, "kind": kind},
            content=meter.measured(chunks),
            headers={"Content-Type": media_type, **self._signature},
        )
        artifact = _decoded(ARTIFACT, await self._content(request, NotFound("job", job_id)))
        if (artifact.size, artifact.sha256) != (meter.size, meter.sha256):
            raise HubUnavailable(f"the hub received other bytes of {name!r} than were sent")
        return artifact

    async def get(self, artifact_id: str) -> Artifact:
        place = Place.parse(artifact_id)
        for artifact in await self.list(place.job_id):
            if artifact.id == artifact_id:
                return artifact
        raise NotFound("artifact", artifact_id)

    async def open(self, artifact_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        check_range(start, end)
        place = Place.parse(artifact_id)
        headers = _range_header(start, end)
        request = self._client.build_request("GET", f"/api/artifacts/{place}", headers=headers)
        response = await self._send(request, NotFound("artifact", artifact_id))
        if headers and response.status_code != httpx.codes.PARTIAL_CONTENT:
            await response.aclose()
            raise HubUnavailable("the hub can send only whole files")
        return _streamed(response)

    async def list(self, job_id: str) -> tuple[Artifact, ...]:
        check_job_id(job_id)
        request = self._client.build_request("GET", f"/api/jobs/{job_id}/artifacts")
        try:
            return _decoded(ARTIFACTS, await self._content(request, NotFound("job", job_id)))
        except NotFound:  # as every other store has it: one whose inputs are about to come is not known either
            return ()

    async def put_payload(self, job_id: str, payload: bytes) -> None:
        check_payload(job_id, payload)
        await self._content(
            self._client.build_request("PUT", f"/api/jobs/{job_id}/payload", content=payload), NotFound("job", job_id)
        )

    async def get_payload(self, job_id: str) -> bytes:
        _, chunks = await self.open_payload(job_id)
        return b"".join([chunk async for chunk in chunks])

    async def open_payload(self, job_id: str) -> tuple[int, AsyncIterator[bytes]]:
        check_job_id(job_id)
        request = self._client.build_request("GET", f"/api/jobs/{job_id}/payload")
        response = await self._send(request, NotFound("payload", job_id))
        return int(response.headers["content-length"]), _streamed(response)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _content(self, request: httpx.Request, missing: NotFound) -> bytes:
        return b"".join([chunk async for chunk in _streamed(await self._send(request, missing))])

    async def _send(self, request: httpx.Request, missing: NotFound) -> httpx.Response:
        """An answer whose body is not yet read; `missing` is what a 404 means."""
        with _reaching():
            response = await self._client.send(request, stream=True)
            if response.is_success:
                return response
            await response.aread()
        raise _refusal(response, missing)


async def _streamed(response: httpx.Response) -> AsyncIterator[bytes]:
    with _reaching():
        try:
            async for chunk in response.aiter_bytes(CHUNK_BYTES):
                yield chunk
        finally:
            await response.aclose()


@contextmanager
def _reaching() -> Iterator[None]:
    """Turns what goes wrong on the way into ours."""
    try:
        yield
    except httpx.RequestError as error:
        raise HubUnavailable(f"the hub does not answer: {type(error).__name__} {error}".rstrip()) from error


def _refusal(response: httpx.Response, missing: NotFound) -> EmpError:
    """The error that the hub's answer stands for."""
    said = _said(response)
    match response.status_code:
        case 401 | 403:
            return AccessDenied(f"the hub refuses the token: {said}", hint="see HUB_AUTH_TOKEN")
        case 404 if response.headers.get("content-type") == PROBLEM:  # any other one is some proxy's
            return missing
        case 409:
            return Conflict(said)
        case 400 | 413 | 416 | 422:
            return InvalidInput("request", said)
        case status:
            return HubUnavailable(f"the hub answers {status}: {said}")


def _said(response: httpx.Response) -> str:
    """The detail of a problem (RFC 9457), or how the text of a proxy's page begins."""
    try:
        return str(response.json()["detail"])
    except (ValueError, TypeError, KeyError):
        return response.text[:200]


def _range_header(start: int, end: int | None) -> Mapping[str, str]:
    if (start, end) == (0, None):
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def _decoded(shape: TypeAdapter[T], content: bytes) -> T:
    try:
        return shape.validate_json(content)
    except ValidationError as error:
        raise HubUnavailable(f"the hub's answer is not a file description: {error.error_count()} errors") from error
