"""Artifact stores to test with, and a hub that keeps their files."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from emp_core.artifacts import ArtifactStore
from emp_core.artifacts.contract import ARTIFACT, ARTIFACTS, CHUNK_BYTES, in_chunks
from emp_core.artifacts.hub import HubArtifacts
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.domain.outcome import Artifact
from emp_core.errors import (
    Conflict,
    EmpError,
    InvalidInput,
    LimitExceeded,
    NotFound,
)

ROOT = Path(__file__).parents[2]
MAX_BYTES = 16 * CHUNK_BYTES
TOKEN = "secret"
STATUSES = {LimitExceeded: 413, InvalidInput: 422, NotFound: 404, Conflict: 409}


def hub_app(store: ObjectArtifacts) -> FastAPI:
    """As much of a hub as the client needs."""

    async def check_token(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise HTTPException(401)

    app = FastAPI(dependencies=[Depends(check_token)])

    @app.exception_handler(EmpError)
    async def refuse(request: Request, error: Exception) -> Response:
        status = STATUSES[type(error)]
        return JSONResponse({"detail": str(error)}, status, media_type="application/problem+json")

    @app.put("/api/jobs/{job_id}/attempts/{attempt}/artifacts")
    async def put(job_id: str, attempt: int, name: str, kind: str, request: Request) -> Response:
        media_type = request.headers["content-type"]
        made = await store.put(job_id, attempt, name, request.stream(), media_type=media_type, kind=kind)
        return Response(ARTIFACT.dump_json(made), media_type="application/json")

    @app.get("/api/jobs/{job_id}/artifacts")
    async def list_all(job_id: str) -> Response:
        return Response(ARTIFACTS.dump_json(await store.list(job_id)), media_type="application/json")

    @app.get("/api/artifacts/{artifact_id:path}")
    async def read(artifact_id: str, request: Request) -> Response:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        start, end = (int(asked[1]), int(asked[2]) + 1 if asked[2] else None) if asked else (0, None)
        body = await read_all(await store.open(artifact_id, start=start, end=end))
        return Response(body, 206 if asked else 200)

    @app.put("/api/jobs/{job_id}/payload")
    async def put_payload(job_id: str, request: Request) -> Response:
        await store.put_payload(job_id, await request.body())
        return Response(status_code=204)

    @app.get("/api/jobs/{job_id}/payload")
    async def get_payload(job_id: str) -> Response:
        return Response(await store.get_payload(job_id))

    return app


def through_hub(store: ObjectArtifacts, token: str = TOKEN) -> HubArtifacts:
    return HubArtifacts("http://hub", token, max_bytes=MAX_BYTES, transport=httpx.ASGITransport(hub_app(store)))


def answering(answer: httpx.Response) -> HubArtifacts:
    return HubArtifacts("http://hub", "", transport=httpx.MockTransport(lambda request: answer))


async def read_all(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def put(store: ArtifactStore, data: bytes, job_id: str = "job", attempt: int = 1) -> Artifact:
    return await store.put(job_id, attempt, "image.png", in_chunks(data))


async def breaking() -> AsyncIterator[bytes]:
    yield b"x" * 6 * CHUNK_BYTES
    raise ConnectionResetError("the service is gone")


async def hanging(begun: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"x" * 6 * CHUNK_BYTES
    begun.set()
    await asyncio.Event().wait()
    yield b""


async def knows_none(jobs: Sequence[str]) -> Collection[str]:
    return ()


def soon_ms() -> int:
    return SystemClock().now_ms() + 1_000


def files_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))
