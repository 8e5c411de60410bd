"""The files that jobs take and make: up for who runs the job, down for who may read it."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Request, Response

from daemons.hub.api.answers import has_version, json_answer
from daemons.hub.api.dependencies import BodyRoute, CallersQueue, Hub, JobId, Route, SharedHub, in_time
from daemons.hub.api.downloads import Download
from daemons.hub.http.bodies import chunks_of, read_body
from daemons.hub.http.problems import RangeNotSatisfiable
from emp_core.artifacts.contract import MAX_ARTIFACT_BYTES, MAX_PAYLOAD_BYTES, Place
from emp_core.domain.caller import Role
from emp_core.domain.outcome import Artifact
from emp_core.domain.views import artifact_view
from emp_core.errors import Conflict, NotFound

router = APIRouter(route_class=Route, tags=["artifacts"])
bodies = APIRouter(route_class=BodyRoute, tags=["artifacts"])

MEDIA_TYPE = "application/octet-stream"

# A file is somebody else's data: never shown by a browser as a page of ours, never taken for another type.
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-transform",
    "Accept-Ranges": "bytes",
}

Number = Annotated[int, Path(ge=1, le=10**9)]
FenceHeader = Annotated[str, Header(description="As in the claim of the job.")]


@router.put("/jobs/{job_id}/attempts/{attempt}/artifacts", status_code=201)
async def put_artifact(
    hub: SharedHub,
    queue: CallersQueue,
    request: Request,
    job_id: JobId,
    attempt: Number,
    name: str,
    x_emp_worker: FenceHeader = "",
    x_emp_nonce: FenceHeader = "",
    kind: Literal["output", "temp", "input"] = "output",
) -> Response:
    """Keep a file of a running attempt: only the holder of the job's claim may, from the first byte to the last.

    Inputs of a job are kept before it is submitted, when nobody holds it yet.
    """
    queue.caller.check_role(Role.WORKER, "store files")
    chunks = chunks_of(request, "max_artifact_bytes", MAX_ARTIFACT_BYTES)
    if kind != "input" or await _is_submitted(hub, job_id):
        claim = (job_id, x_emp_worker, attempt, x_emp_nonce)
        await _check_claim(hub, *claim)
        chunks = _fenced(hub, claim, chunks)
    media_type = request.headers.get("content-type", MEDIA_TYPE)
    made = await hub.artifacts.put(job_id, attempt, name, chunks, media_type=media_type, kind=kind)
    return json_answer(artifact_view(made), 201)


async def _fenced(hub: Hub, claim: tuple[str, str, int, str], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes, and no end of them where the claim was lost meanwhile: the file is then not kept."""
    async for chunk in chunks:
        yield chunk
    await _check_claim(hub, *claim)


async def _is_submitted(hub: Hub, job_id: str) -> bool:
    """By any customer."""
    async with in_time(hub):
        return job_id in await hub.queue.known([job_id])


async def _check_claim(hub: Hub, job_id: str, worker: str, attempt: int, nonce: str) -> None:
    async with in_time(hub):
        holds = await hub.queue.holds(job_id, worker, attempt, nonce)
    if not holds:
        raise Conflict(f"attempt {attempt} does not hold job {job_id} (any more)")


@router.get("/jobs/{job_id}/artifacts")
async def list_artifacts(hub: SharedHub, queue: CallersQueue, job_id: JobId) -> Response:
    """A job's files, by attempt and in the order in which they were begun: a plain list."""
    files = await queue.list_files(job_id)
    if not files and not await _is_submitted(hub, job_id):
        raise NotFound("job", job_id)
    return json_answer([artifact_view(artifact) for artifact in files])


@router.get("/artifacts/{job_id}/{attempt}/{number}")
async def get_artifact(
    hub: SharedHub, queue: CallersQueue, request: Request, job_id: str, attempt: Number, number: Number
) -> Response:
    """A file's bytes; a range of them where one is asked for."""
    artifact = await queue.file(str(Place(job_id, attempt, number)))
    headers = {**SAFE_HEADERS, "Content-Disposition": _disposition(artifact.name), "ETag": f'"{artifact.sha256}"'}
    if has_version(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    asked = _range_of(request, artifact, headers["ETag"])
    start, end = asked or (0, artifact.size)
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.size}"
    chunks = await queue.open_file(artifact.id, start=start, end=end if asked else None)
    return Download(hub, chunks, 206 if asked else 200, headers, artifact.media_type)


def _disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name.rpartition('/')[2], safe='')}"


def _range_of(request: Request, artifact: Artifact, tag: str) -> tuple[int, int] | None:
    """The one range asked for, from and up to; a header that asks for several, or nothing clear, does not count."""
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", request.headers.get("range", ""))
    if found is None or request.headers.get("if-range", tag) != tag or not (found[1] or found[2]):
        return None
    if found[1]:
        start, end = int(found[1]), min(int(found[2] or artifact.size), artifact.size - 1) + 1
        if found[2] and int(found[2]) < start:
            return None
    else:
        start, end = max(0, artifact.size - int(found[2])), artifact.size
    if start >= end:
        raise RangeNotSatisfiable(artifact.size)
    return start, end


@bodies.put("/jobs/{job_id}/payload", status_code=204)
async def put_payload(queue: CallersQueue, request: Request, job_id: JobId) -> Response:
    """Keep a payload that is too large for the queue, before its job is submitted."""
    payload = await read_body(request, "max_payload_bytes", MAX_PAYLOAD_BYTES)
    await queue.put_payload(job_id, payload)
    return Response(status_code=204)


@router.get("/jobs/{job_id}/payload")
async def get_payload(hub: SharedHub, queue: CallersQueue, job_id: JobId) -> Response:
    """A payload that was too large for the queue."""
    size, chunks = await queue.open_payload(job_id)
    return Download(hub, chunks, 200, {**SAFE_HEADERS, "Content-Length": str(size)}, MEDIA_TYPE)


router.include_router(bodies)
