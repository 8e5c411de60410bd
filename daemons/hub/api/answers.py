"""The hub's answers as JSON: what every one has, and the predecessors' names beside ours.

Our names are those of `emp_core.domain.views`; `job_id`, `status` and `worker_id` say the same to older clients.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import Request, Response

from daemons.hub.http.problems import now
from emp_core.domain.job import Job
from emp_core.domain.json_text import dump_json
from emp_core.domain.views import job_view, worker_view
from emp_core.domain.worker import Worker

T = TypeVar("T")
V = TypeVar("V")

PIECE = 50
"""Jobs or workers that are rendered in one go."""

CORRUPT = "corrupt"
"""The status of a job whose record is damaged; it has no state."""


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON as it is."""
    return Response(dump_json(content), status, headers, media_type="application/json")


def has_version(request: Request, tag: str) -> bool:
    """Whether the caller says (RFC 9110) that it has this version, or any."""
    named = [one.strip().removeprefix("W/") for one in ",".join(request.headers.getlist("if-none-match")).split(",")]
    return tag.removeprefix("W/") in named or named == ["*"]


async def in_pieces(items: Sequence[T], view: Callable[[T], V]) -> list[V]:
    """The views of many items; between pieces of a few ms the loop serves others."""
    views: list[V] = []
    for start in range(0, len(items), PIECE):
        views += map(view, items[start : start + PIECE])
        await asyncio.sleep(0)
    return views


def success(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer to a call that did what it was asked."""
    return json_answer({"success": True, **content, "timestamp": now()}, status, headers)


def job_answer(job: Job) -> dict[str, Any]:
    """A job."""
    return {
        **job_view(job),
        "job_id": job.id,
        "status": status_of(job),
        "worker_id": job.worker,
    }


def status_of(job: Job) -> str:
    """Its state in one word, whatever happened to it."""
    return job.state.value if job.state else CORRUPT


def worker_answer(worker: Worker) -> dict[str, Any]:
    """A worker."""
    return {**worker_view(worker), "worker_id": worker.id, "status": worker.state.value}
