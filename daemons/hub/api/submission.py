"""From what a caller sends to a stored job: old names read, the hub's defaults filled in, large payloads kept apart."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from daemons.hub.api.dependencies import ANSWER_SECONDS, Hub, in_time
from daemons.hub.http.problems import Problem, problem_of
from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import check_json, read_json
from emp_core.domain.policy import JOBS_A_CALL, MAX_SPILLED_PAYLOAD, MB, POLICY
from emp_core.domain.values import MAX_NAME_LENGTH, read_mapping
from emp_core.domain.views import request_view
from emp_core.errors import ArtifactsUnavailable, EmpError, InvalidInput, LimitExceeded, QueueUnavailable
from emp_core.ids import digest, new_job_id
from emp_core.store import Submitted

log = structlog.get_logger()

MAX_SUBMIT_BYTES = MAX_SPILLED_PAYLOAD + MB
"""The largest payload, and the rest of its request; a batch too."""

MAX_BATCH_JOBS = 1_000

Outcome = tuple[JobRequest, Submitted | EmpError]
"""A request, with its id, and what came of it."""


def read_submission(hub: Hub, text: bytes, idempotency_key: str | None) -> JobRequest | list[JobRequest | EmpError]:
    """One request, or the lines of a batch. Raises `InvalidInput` or `LimitExceeded`."""
    body = read_json("body", text)
    if not isinstance(body, list):
        return _read_request(hub, body, idempotency_key)
    if len(body) > MAX_BATCH_JOBS:
        raise LimitExceeded("body", "max_batch_jobs", len(body), MAX_BATCH_JOBS)
    return [
        _read_line(hub, line, idempotency_key and _line_key(idempotency_key, index, len(body)))
        for index, line in enumerate(body)
    ]


def _line_key(key: str, index: int, count: int) -> str:
    """A line's own: a part of the batch, sent again, is another batch, and no line of it is taken for another."""
    name = f"{key}.{index}/{count}"
    return name if len(name) <= MAX_NAME_LENGTH else f"{digest(key, 48)}.{index}/{count}"


def _read_line(hub: Hub, body: object, key: str | None) -> JobRequest | EmpError:
    try:
        return _read_request(hub, body, key)
    except InvalidInput as error:
        return error


def _read_request(hub: Hub, body: object, idempotency_key: str | None) -> JobRequest:
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
    request = JobRequest.parse(asked, sent=sent)
    if request.timeout_seconds is not None and request.timeout_seconds > limit:
        raise InvalidInput("timeout_seconds", f"must be at most {limit:g} (MAX_JOB_TIMEOUT_MINUTES)")
    return request


async def submit_all(hub: Hub, requests: Sequence[JobRequest]) -> list[Outcome]:
    """Store jobs in order; what came of them one by one, those too that the queue could not be asked for.

    Each has an id from here on: under it a job can be sent again of which nobody knows whether it is stored.
    """
    named = [request if request.id else replace(request, id=new_job_id()) for request in requests]
    answers: list[Submitted | EmpError] = []
    spilling = _Spilling(hub)
    try:
        for start in range(0, len(named), JOBS_A_CALL):
            async with in_time(hub) as spilling.limit:
                await hub.store.broker.submit_many(named[start : start + JOBS_A_CALL], spilling.keep, answers)
    except QueueUnavailable as error:
        answers += [error] * (len(named) - len(answers))
    outcomes = [_outcome(*line) for line in zip(requests, named, answers, strict=True)]
    own = {request.id for request, asked in zip(named, requests, strict=True) if asked.id is None}
    await spilling.drop(str(request.id) for request, answer in outcomes if request.id in own and _is_void(answer))
    return outcomes


def _outcome(asked: JobRequest, named: JobRequest, answer: Submitted | EmpError) -> Outcome:
    # Under an id that was drawn here the queue can have heard of a job from this call alone.
    if asked.id is None and isinstance(answer, Submitted) and answer.id == named.id:
        answer = replace(answer, repeated=False)
    return named, answer


def _is_void(answer: Submitted | EmpError) -> bool:
    """Whether it is certain that there is no job under the id that was asked for, if nobody else chose that."""
    if isinstance(answer, QueueUnavailable):
        return answer.code not in ("redis_unavailable", "queue_busy")
    return isinstance(answer, EmpError) or answer.repeated


class _Spilling:
    """Keeps the large payloads of a submit; the time that the artifact store takes for it is its own."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: set[str] = set()
        self.limit = asyncio.timeout(None)
        """Of the calls under way."""

    async def keep(self, job_id: str, payload: bytes) -> None:
        # A queue that is unavailable would have callers leave a file with each of their attempts.
        await self._hub.store.link.call("PING")
        self.limit.reschedule(None)
        self._kept.add(job_id)
        try:
            await self._hub.artifacts.put_payload(job_id, payload)
        finally:
            self.limit.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)

    async def drop(self, job_ids: Iterable[str]) -> None:
        """Let go of those that no job has; what cannot be deleted now is swept later."""
        try:
            for job_id in self._kept.intersection(job_ids):
                await self._hub.artifacts.delete_job(job_id)
        except ArtifactsUnavailable as error:
            log.warning("artifacts.unavailable", reason=error.message)


async def submit_batch(hub: Hub, lines: Sequence[JobRequest | EmpError]) -> list[Outcome | EmpError]:
    """Store those lines of a batch that can be stored, in order; an error alone is of a line that cannot be read."""
    stored = iter(await submit_all(hub, [line for line in lines if isinstance(line, JobRequest)]))
    return [line if isinstance(line, EmpError) else next(stored) for line in lines]


def refused_submit(request: JobRequest, error: EmpError) -> Problem:
    """Why a job is not stored, or may not be."""
    problem = problem_of(error)
    if isinstance(error, QueueUnavailable):
        return replace(problem, members={**problem.members, "id": request.id})
    return problem


def submitted_answer(hub: Hub, request: JobRequest, stored: Submitted) -> dict[str, Any]:
    """What a caller learns of a job that is in the queue now."""
    stored_as = {"id": stored.id, "job_id": stored.id, "state": stored.state, "status": stored.state}
    return {
        **stored_as,
        "repeated": stored.repeated,
        "unworkable": not stored.workable,
        "durability": hub.store.server.durability,
        "message": _message(stored),
        "job": {**request_view(request), **stored_as},
    }


def _message(stored: Submitted) -> str:
    if stored.repeated:
        return "this job was submitted before"
    if not stored.workable:
        return "the job waits; no live worker can run it"
    return "the job is in the queue"
