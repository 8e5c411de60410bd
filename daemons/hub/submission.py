"""From what a caller sends to a stored job: old names read, the hub's defaults filled in, large payloads kept apart."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from daemons.hub.dependencies import ANSWER_SECONDS, Hub, in_time
from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import check_json, read_json
from emp_core.domain.policy import MAX_SPILLED_PAYLOAD, MB, POLICY
from emp_core.domain.values import read_mapping
from emp_core.errors import EmpError, InvalidInput, LimitExceeded, QueueUnavailable
from emp_core.store import Submitted
from emp_core.store.broker import Spill

MAX_SUBMIT_BYTES = MAX_SPILLED_PAYLOAD + MB
"""The largest payload, and the rest of its request; a batch too."""

MAX_BATCH_JOBS = 1_000

JOBS_A_CALL = 50
"""Stored by one call of the queue, so that none of them holds Redis for long."""

Line = tuple[JobRequest, Submitted] | EmpError
"""What came of one request."""


def read_submission(hub: Hub, text: bytes, idempotency_key: str | None) -> JobRequest | list[JobRequest | EmpError]:
    """One request, or the lines of a batch. Raises `InvalidInput` or `LimitExceeded`."""
    body = read_json("body", text)
    if not isinstance(body, list):
        return _read_request(hub, body, idempotency_key)
    if len(body) > MAX_BATCH_JOBS:
        raise LimitExceeded("body", "max_batch_jobs", len(body), MAX_BATCH_JOBS)
    return [_read_line(hub, index, line, idempotency_key) for index, line in enumerate(body)]


def _read_line(hub: Hub, index: int, body: object, key: str | None) -> JobRequest | EmpError:
    try:
        return _read_request(hub, body, None if key is None else f"{key}.{index}")
    except InvalidInput as error:
        return error


def _read_request(hub: Hub, body: object, idempotency_key: str | None) -> JobRequest:
    check_json("body", body)
    asked = dict(canonical_request(read_mapping("body", body)))
    if asked.get("priority") is None:
        asked["priority"] = hub.settings.default_job_priority
    if idempotency_key is not None:
        if asked.get("idempotency_key") not in (None, idempotency_key):
            raise InvalidInput("idempotency_key", "differs from the header Idempotency-Key")
        asked["idempotency_key"] = idempotency_key
    limit = hub.settings.max_job_timeout_minutes * 60
    if asked.get("timeout_seconds") is None and limit * 1000 != POLICY.attempt_timeout_ms:
        asked["timeout_seconds"] = limit
    request = JobRequest.parse(asked)
    if request.timeout_seconds is not None and request.timeout_seconds > limit:
        raise InvalidInput("timeout_seconds", f"must be at most {limit:g} (MAX_JOB_TIMEOUT_MINUTES)")
    return request


async def submit_all(hub: Hub, requests: Sequence[JobRequest]) -> list[Submitted | EmpError]:
    """Store jobs in order; the answers one by one, those too that the queue could not be asked for."""
    answers: list[Submitted | EmpError] = []
    for start in range(0, len(requests), JOBS_A_CALL):
        batch = requests[start : start + JOBS_A_CALL]
        try:
            async with in_time() as limit:
                answers += await hub.store.broker.submit_many(batch, _spill(hub, limit))
        except QueueUnavailable as error:
            answers += [error] * (len(requests) - len(answers))
            break
    return answers


def _spill(hub: Hub, limit: asyncio.Timeout) -> Spill:
    """Keeps a large payload; the time that the artifact store takes for it is its own."""

    async def spill(job_id: str, payload: bytes) -> None:
        limit.reschedule(None)
        await hub.artifacts.put_payload(job_id, payload)
        limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)

    return spill


async def submit_batch(hub: Hub, lines: Sequence[JobRequest | EmpError]) -> list[Line]:
    """Store those lines of a batch that can be stored, in order."""
    stored = iter(await submit_all(hub, [line for line in lines if isinstance(line, JobRequest)]))
    return [line if isinstance(line, EmpError) else _line(line, next(stored)) for line in lines]


def _line(request: JobRequest, answer: Submitted | EmpError) -> Line:
    return answer if isinstance(answer, EmpError) else (request, answer)


def submitted_answer(hub: Hub, request: JobRequest, stored: Submitted) -> dict[str, Any]:
    """What a caller learns of a job that is in the queue now."""
    return {
        "id": stored.id,
        "job_id": stored.id,
        "state": stored.state,
        "status": stored.state,
        "repeated": stored.repeated,
        "unworkable": not stored.workable,
        "durability": hub.store.server.durability,
        "message": _message(stored),
        "job": _as_asked(request, stored),
    }


def _message(stored: Submitted) -> str:
    if stored.repeated:
        return "this job had been submitted before"
    if not stored.workable:
        return "the job waits, and no live worker can run it"
    return "the job is in the queue"


def _as_asked(request: JobRequest, stored: Submitted) -> Mapping[str, Any]:
    return {
        "id": stored.id,
        "job_id": stored.id,
        "state": stored.state,
        "status": stored.state,
        "service": request.requirements.services[0] if request.requirements.services else None,
        "job_type": request.job_type,
        "priority": request.priority,
        "requirements": request.requirements.to_json(),
        "customer_id": request.customer_id,
        "workflow_id": request.workflow_id,
        "depends_on": list(request.depends_on),
        "idempotency_key": request.idempotency_key,
    }
