"""From what a caller sends to a stored job, and to its answer: old names are read, the hub's defaults filled in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from daemons.hub.api import dependencies
from daemons.hub.api.dependencies import Hub
from daemons.hub.http.problems import Problem, problem_of
from emp_core.client.queue import Queue, Submitted
from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import check_json, json_lines, read_json
from emp_core.domain.policy import MAX_SPILLED_PAYLOAD, MB, POLICY
from emp_core.domain.values import MAX_NAME_LENGTH, read_mapping
from emp_core.domain.views import request_view
from emp_core.errors import EmpError, InvalidInput, LimitExceeded, QueueUnavailable
from emp_core.ids import digest

MAX_SUBMIT_BYTES = MAX_SPILLED_PAYLOAD + MB
"""The largest payload, and the rest of its request; a batch too."""

MAX_BATCH_JOBS = 10_000

T = TypeVar("T")

Outcome = tuple[JobRequest, Submitted | EmpError]
"""A request, and what came of it."""


def read_submission(hub: Hub, text: bytes, idempotency_key: str | None) -> JobRequest | list[JobRequest | EmpError]:
    """One request, or those of a JSON array. Raises `InvalidInput` or `LimitExceeded`."""
    body = read_json("body", text)
    if not isinstance(body, list):
        return read_request(hub, body, idempotency_key)
    return _read_lines(hub, body, lambda line: line, idempotency_key)


def read_json_lines(hub: Hub, text: bytes, idempotency_key: str | None) -> list[JobRequest | EmpError]:
    """The requests of a body with one on each line; empty lines do not count. Raises `LimitExceeded`."""
    return _read_lines(hub, json_lines("body", text), lambda line: read_json("body", line), idempotency_key)


def _read_lines(
    hub: Hub, lines: Sequence[T], body_of: Callable[[T], object], idempotency_key: str | None
) -> list[JobRequest | EmpError]:
    if len(lines) > MAX_BATCH_JOBS:
        raise LimitExceeded("body", "max_batch_jobs", len(lines), MAX_BATCH_JOBS)

    def read(line: T, index: int) -> JobRequest | EmpError:
        key = idempotency_key and _line_key(idempotency_key, index, len(lines))
        try:
            return read_request(hub, body_of(line), key)
        except InvalidInput as error:
            return error

    return [read(line, index) for index, line in enumerate(lines)]


def _line_key(key: str, index: int, count: int) -> str:
    """A line's own: a part of the batch, sent again, is another batch, and no line of it is taken for another."""
    name = f"{key}.{index}/{count}"
    return name if len(name) <= MAX_NAME_LENGTH else f"{digest(key, 48)}.{index}/{count}"


def read_request(hub: Hub, body: object, idempotency_key: str | None) -> JobRequest:
    """One request. Raises `InvalidInput`."""
    check_json("body", body)
    sent = canonical_request(read_mapping("body", body))
    limit = hub.settings.max_job_timeout_minutes * 60
    asked = {"priority": hub.settings.default_job_priority, **sent}
    if limit * 1000 != POLICY.attempt_timeout_ms:
        asked.setdefault("timeout_seconds", limit)
    if idempotency_key is not None:
        if asked.get("idempotency_key") not in (None, idempotency_key):
            raise InvalidInput("idempotency_key", "differs from the header Idempotency-Key")
        asked["idempotency_key"] = idempotency_key
    request = JobRequest.parse(asked, sent=sent, checked=True)
    if request.timeout_seconds is not None and request.timeout_seconds > limit:
        raise InvalidInput("timeout_seconds", f"must be at most {limit:g} (MAX_JOB_TIMEOUT_MINUTES)")
    return request


async def submit_all(queue: Queue, requests: Sequence[JobRequest]) -> list[Submitted | EmpError]:
    """Store jobs in order; what came of them one by one, those too that the queue could not be asked for."""
    try:
        return await queue.submit_many(requests, patience=dependencies.ANSWER_SECONDS)
    except QueueUnavailable as error:
        return [error.about([job_id]) for job_id in error.job_ids]


async def submit_batch(queue: Queue, lines: Sequence[JobRequest | EmpError]) -> list[Outcome | EmpError]:
    """Store those lines of a batch that can be stored, in order; an error alone is of a line that cannot be read."""
    requests = [line for line in lines if isinstance(line, JobRequest)]
    stored = iter(zip(requests, await submit_all(queue, requests), strict=True))
    return [line if isinstance(line, EmpError) else next(stored) for line in lines]


def refused_submit(error: EmpError) -> Problem:
    """Why a job is not stored, or may not be."""
    problem = problem_of(error)
    if isinstance(error, QueueUnavailable):
        return replace(problem, members={**problem.members, "id": error.job_ids[0]})
    return problem


def submitted_answer(queue: Queue, request: JobRequest, stored: Submitted) -> dict[str, Any]:
    """What a caller learns of a job that is in the queue now."""
    stored_as = {"id": stored.id, "job_id": stored.id, "state": stored.state, "status": stored.state}
    return {
        **stored_as,
        "repeated": stored.repeated,
        "unworkable": not stored.workable,
        "durability": queue.server.durability,
        "message": _message(stored),
        "job": {**request_view(queue.caller.own(request)), **stored_as},
    }


def _message(stored: Submitted) -> str:
    if stored.repeated:
        return "this job was submitted before"
    if not stored.workable:
        return "the job waits; no live worker can run it"
    return "the job is in the queue"
