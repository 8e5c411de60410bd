"""Jobs: submitting and reading them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from daemons.hub.api.answers import has_version, in_pieces, job_answer, success
from daemons.hub.api.dependencies import (
    LOOK_AT_MOST,
    BodyRoute,
    CallersQueue,
    JobId,
    KnownJobId,
    ListRoute,
    Route,
    SharedHub,
    TimedRoute,
    in_time,
)
from daemons.hub.api.downloads import Download
from daemons.hub.api.submission import (
    MAX_SUBMIT_BYTES,
    Outcome,
    read_json_lines,
    read_submission,
    refused_submit,
    submit_all,
    submit_batch,
    submitted_answer,
)
from daemons.hub.http.bodies import JSON, JSON_LINES, media_type_of, read_body, understand
from daemons.hub.http.problems import Problem, now, problem_of
from emp_core.client import results
from emp_core.client.queue import Queue
from emp_core.domain.explain import Explanation
from emp_core.domain.explanation_views import explanation_view
from emp_core.domain.filter import Filter, parse
from emp_core.domain.job import Job
from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.policy import MAX_INLINE_PAYLOAD, MAX_WHOLE_RESULT
from emp_core.domain.states import HELD, JobState
from emp_core.domain.values import read_choice
from emp_core.domain.views import artifact_view, event_view, time_view
from emp_core.errors import ArtifactsUnavailable, Conflict, EmpError, NotFound
from emp_core.ids import digest

log = structlog.get_logger()

router = APIRouter(route_class=BodyRoute, tags=["jobs"])
lists = APIRouter(route_class=ListRoute, tags=["jobs"])
outcomes = APIRouter(route_class=Route, tags=["jobs"])
reads = APIRouter(route_class=TimedRoute, tags=["jobs"])

IdempotencyKey = Annotated[
    str | None,
    Header(description="Names the request: the same one again returns the same job, another one is refused."),
]


@router.post("/jobs", status_code=201, responses={200: {"description": "Submitted before; or the lines of a batch"}})
async def submit_job(
    hub: SharedHub, queue: CallersQueue, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Submit one job: 201, or 200 if it had been submitted before. Many jobs are answered line by line.

    Many jobs are a JSON array, or a job on each line (`application/x-ndjson`): 10,000 at most, 65 MiB together.
    """
    read = read_json_lines if media_type_of(request, JSON, *JSON_LINES) in JSON_LINES else read_submission
    text = await read_body(request, "max_body_bytes", MAX_SUBMIT_BYTES)
    asked = await understand(text, lambda text: read(hub, text, idempotency_key))
    if isinstance(asked, list):
        return await _batch_answer(queue, await submit_batch(queue, asked))
    (stored,) = await submit_all(queue, [asked])
    if isinstance(stored, EmpError):
        return refused_submit(stored).response()
    headers = {"Location": f"/api/jobs/{stored.id}"}
    return success(submitted_answer(queue, asked, stored), 200 if stored.repeated else 201, headers)


async def _batch_answer(queue: Queue, lines: Sequence[Outcome | EmpError]) -> Response:
    results = await in_pieces(lines, lambda line: _line_answer(queue, line))
    refused = [line for line in results if isinstance(line, Problem)]
    if lines and len(refused) == len(lines) and all(line.status == 503 for line in refused):
        ids = [line.members.get("id") for line in refused]
        return replace(refused[0], members={"ids": ids}).response()
    jobs = [line.to_json() if isinstance(line, Problem) else line for line in results]
    return success({"success": not refused, "jobs": jobs, "stored": len(lines) - len(refused), "refused": len(refused)})


def _line_answer(queue: Queue, line: Outcome | EmpError) -> Problem | dict[str, Any]:
    if isinstance(line, EmpError):
        return problem_of(line)
    job, stored = line
    if isinstance(stored, EmpError):
        return refused_submit(stored)
    return {"success": True, **submitted_answer(queue, job, stored)}


class JobQuery(BaseModel):
    """Which jobs a list shows; a parameter that nobody reads is refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, validate_by_name=True)

    status: str | None = Field(default=None, validation_alias=AliasChoices("status", "state"))
    """States, or `held`, separated by commas; `active` includes `cancelling`."""

    service: str | None = None
    """The service that they need."""

    job_type: str | None = Field(default=None, validation_alias=AliasChoices("job_type", "type"))
    """The type of job that they are."""

    customer: str | None = Field(default=None, validation_alias=AliasChoices("customer", "customer_id"))
    """Whose they are."""

    worker: str | None = Field(default=None, validation_alias=AliasChoices("worker", "worker_id"))
    """Who runs them, or ran them last."""

    workflow: str | None = Field(default=None, validation_alias=AliasChoices("workflow", "workflow_id"))
    """The workflow that they belong to."""

    unworkable: bool = False
    """Only those that no live worker can do."""

    where: str | None = None
    """A filter, such as `label.batch:42 age>10m`; the parameters above narrow it further."""

    limit: int = Field(50, ge=1, le=1_000)
    """Show at most N."""

    offset: int = Field(0, ge=0, le=1_000)
    """How many to leave out first."""

    cursor: str | None = None
    """Go on behind the page whose `cursor` this is."""

    def to_filter(self) -> Filter:
        """As the queue is asked. Raises `FilterError`."""
        named = _read_status(self.status) if self.status else ()
        narrowed = Filter.of(
            status=named,
            service=self.service,
            type=self.job_type,
            customer=self.customer,
            worker=self.worker,
            workflow=self.workflow,
            unworkable="yes" if self.unworkable else None,
        )
        return narrowed & parse(self.where) if self.where else narrowed


def _read_status(text: str) -> list[str]:
    return [read_choice("status", word.strip(), (*JobState, HELD)) for word in text.split(",")]


@lists.get("/jobs")
async def list_jobs(queue: CallersQueue, query: Annotated[JobQuery, Query()]) -> Response:
    """A page of jobs; `cursor` asks for the next one.

    By status alone, running jobs come first, then waiting ones in the order of their claim, then ended ones, the newest
    first. By anything else, the last submitted come first. For conditions that no list serves, a page looks at 1,000
    jobs at most: then `of` says how many there are, and `cursor` goes on.
    """
    rows = query.limit + query.offset
    page = await queue.jobs(
        query.to_filter(), limit=rows, cursor=query.cursor or "", at_most=max(rows + 1, LOOK_AT_MOST)
    )
    return success(
        {
            "jobs": await in_pieces(page.jobs[query.offset :], job_answer),
            "searched": page.searched,
            "of": page.of,
            "total": page.total,
            "more": page.cursor is not None,
            "cursor": page.cursor,
            "complete": page.complete,
            "limit": query.limit,
            "offset": query.offset,
        }
    )


@outcomes.get("/jobs/{job_id}")
async def get_job(hub: SharedHub, queue: CallersQueue, request: Request, job_id: JobId) -> Response:
    """One job, by its id or the beginning of it, with its payload and what came of it; all else takes whole ids.

    A caller that sends the `ETag` of its last answer in `If-None-Match` gets 304 if nothing has changed.
    """
    async with in_time(hub):
        job = await queue.find(job_id)
        more = await queue.more_of(job)
    value, url = await _with_small_data(queue, job.id, results.outcome_of(more.outcome))
    came = _outcome_view(job, value)
    told = {"error": came["error"] or job.error, "result_url": url, "ahead_in_class": more.ahead_in_class}
    view = {**job_answer(job), **_request_of(job.id, more.body), **came, **told}
    # Weak: the answer also has the time at which it was made.
    headers = {"ETag": f'W/"{digest(dump_json(view), 16)}"', "Cache-Control": "private, no-cache"}
    if has_version(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return success({**view, "job": view}, headers=headers)


def _request_of(job_id: str, body: bytes | None) -> dict[str, Any]:
    """What was asked of the service; a large payload has a path of its own, a damaged one is null."""
    url = f"/api/jobs/{job_id}/payload" if body is None else None
    asked = _read_asked(body or b"{}")
    return {"payload_url": url, **{name: asked.get(name) for name in ("payload", "template", "params")}}


def _read_asked(body: bytes) -> Mapping[str, Any]:
    try:
        asked = load_json(body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


async def _with_small_data(
    queue: Queue, job_id: str, outcome: results.Outcome
) -> tuple[Mapping[str, Any] | None, str | None]:
    """The outcome, and where to ask for its data if that is null: it is large, or its file cannot be read now."""
    if outcome.file is None:
        return outcome.value, None
    try:
        if outcome.file.size <= MAX_INLINE_PAYLOAD:
            return await queue.whole(outcome), None
    except (NotFound, Conflict, ArtifactsUnavailable) as error:
        log.warning("result.unreadable", job=job_id, reason=error.message)
    return outcome.value, f"/api/jobs/{job_id}/result"


def _outcome_view(job: Job, outcome: Mapping[str, Any] | None) -> dict[str, Any]:
    """The result of a completed job, the failure of a failed one."""
    if job.state is JobState.COMPLETED:
        return {"result": outcome, "failure": None, "error": None}
    if job.state is not JobState.FAILED:
        return {"result": None, "failure": None, "error": None}
    return {"result": None, "failure": outcome, "error": outcome.get("message", job.code) if outcome else job.code}


@outcomes.get("/jobs/{job_id}/result")
async def get_result(hub: SharedHub, queue: CallersQueue, job_id: JobId) -> Response:
    """What came of it: `result` once it is completed, `failure` once it failed, both null until then.

    A result over 8 MiB is streamed.
    """
    async with in_time(hub):
        job = await queue.job(job_id)
        outcome = await queue.outcome(job_id)
    head = {**_head_of(job), **_outcome_view(job, outcome.value)}
    if outcome.file is None:
        return success(head)
    text = _result_text(head, queue.as_json(outcome))
    first = await anext(text)  # opens the file: what is wrong with it is a problem, not half an answer
    if outcome.file.size <= MAX_WHOLE_RESULT:
        return Response(first + b"".join([chunk async for chunk in text]), media_type="application/json")
    return Download(hub, _from_first(first, text), 200, {}, "application/json")


@outcomes.get("/jobs/{job_id}/outcome")
async def get_outcome(hub: SharedHub, queue: CallersQueue, job_id: JobId) -> Response:
    """What the queue keeps of its end, never read from a file: `file` says where data is that lies in one."""
    async with in_time(hub):
        job = await queue.job(job_id)
        outcome = await queue.outcome(job_id)
    file = artifact_view(outcome.file) if outcome.file else None
    return success({**_head_of(job), **_outcome_view(job, outcome.value), "file": file})


def _head_of(job: Job) -> dict[str, Any]:
    answer = job_answer(job)
    return {name: answer[name] for name in ("id", "job_id", "state", "status", "code", "ended_at")}


async def _result_text(head: Mapping[str, Any], result: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The answer as JSON, with a result that is JSON already."""
    first = await anext(result)
    others = {name: value for name, value in head.items() if name != "result"}
    yield dump_json({"success": True, **others, "timestamp": now()})[:-1] + b',"result":' + first
    async for chunk in result:
        yield chunk
    yield b"}"


async def _from_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


@lists.get("/jobs/{job_id}/log")
async def get_log(
    queue: CallersQueue, job_id: KnownJobId, start: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> Response:
    """The log lines that are kept, from `start` on."""
    lines = await queue.log(job_id, start)
    return success({"job_id": job_id, "start": start, "lines": lines})


@lists.get("/jobs/{job_id}/events")
async def get_events(queue: CallersQueue, job_id: KnownJobId) -> Response:
    """The last 200 events of a job, oldest first."""
    events = await queue.events_of(job_id)
    return success({"job_id": job_id, "events": [event_view(event) for event in events]})


@reads.get("/jobs/{job_id}/attempts")
async def get_attempts(queue: CallersQueue, job_id: KnownJobId) -> Response:
    """The attempts that did not complete, oldest first."""
    attempts = await queue.attempts(job_id)
    views = [
        {**asdict(each), "claimed_at": time_view(each.claimed_at), "ended_at": time_view(each.ended_at)}
        for each in attempts
    ]
    return success({"job_id": job_id, "attempts": views})


@lists.get("/jobs/{job_id}/explain")
async def explain(queue: CallersQueue, job_id: JobId) -> Response:
    """Why it waits: worker by worker, dimension by dimension, and what would make one fit."""
    return success({"job_id": job_id, **explanation_view(await queue.explain(job_id))})


@lists.get("/jobs/{job_id}/position")
async def get_position(queue: CallersQueue, job_id: JobId) -> Response:
    """How many jobs a worker takes before a pending one; `ahead` is null if no live worker can run it."""
    found = await queue.explain(job_id)
    more = await queue.more_of(found.job, body=False)
    return success(
        {
            "job_id": job_id,
            "state": found.job.state,
            "ahead": found.ahead,
            "ahead_exact": found.ahead_exact,
            "ahead_in_class": more.ahead_in_class,
            "message": _place_in_words(found),
        }
    )


def _place_in_words(found: Explanation) -> str:
    job, ahead = found.job, found.ahead
    if job.state is not JobState.PENDING:
        return f"job {job.id} is in no line: it is {job.shown_state}"
    if ahead is None:
        return f"no live worker can run job {job.id}"
    jobs = "no job is" if ahead == 0 else "1 job is" if ahead == 1 else f"{ahead:,} jobs are"
    return f"{'' if found.ahead_exact else 'at least '}{jobs} ahead of job {job.id}"


router.include_router(lists)
router.include_router(outcomes)
router.include_router(reads)
