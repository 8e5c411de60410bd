"""Orders to many jobs: those that are named, or those that match a filter, a part of them in each call."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import LOOK_AT_MOST, CallersQueue, Hub, Route, SharedHub, in_time
from daemons.hub.http.bodies import read_order, read_reason
from daemons.hub.http.problems import problem_of
from emp_core.client.orders import VERBS, Answers, Order, count, given, in_parts, order_of, states_in_words
from emp_core.client.queue import Queue
from emp_core.domain.filter import parse
from emp_core.domain.job import Job
from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.values import read_id, read_int, read_text, shown
from emp_core.errors import EmpError, InvalidInput, LimitExceeded, NotFound, QueueUnavailable

MAX_ORDERED = 1_000
"""Jobs that one call orders at most."""

FIELDS = ("where", "ids", "cursor", "limit", "dry_run", "reason")

router = APIRouter(route_class=Route, tags=["jobs"])


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOrder:
    """What a caller sends."""

    ids: Sequence[str] | None
    """None: a filter chooses the jobs."""

    where: str
    cursor: str
    limit: int
    dry_run: bool
    reason: str
    priority: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The jobs that one call is for."""

    jobs: Sequence[Job]
    missing: Sequence[str] = ()
    cursor: str | None = None
    total: int | None = None
    complete: bool = True


def read_bulk_order(verb: str, body: Mapping[str, Any]) -> BulkOrder:
    """Read the body of an order to many jobs. Raises `InvalidInput`."""
    sent = {name: value for name, value in body.items() if value is not None}
    dry_run = sent.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise InvalidInput("dry_run", f"must be true or false, not {shown(dry_run)}")
    bounds = {"minimum": MIN_PRIORITY, "maximum": MAX_PRIORITY}
    return BulkOrder(
        ids=_read_ids(sent),
        where=read_text("where", sent["where"], maximum=10_000) if "where" in sent else "",
        cursor=read_text("cursor", sent["cursor"]) if "cursor" in sent else "",
        limit=read_int("limit", sent.get("limit", MAX_ORDERED), minimum=1, maximum=MAX_ORDERED),
        dry_run=dry_run,
        reason=read_reason(sent),
        priority=read_int("priority", body.get("priority"), **bounds) if verb == "priority" else None,
    )


def _read_ids(sent: Mapping[str, Any]) -> list[str] | None:
    """The jobs that are named. Raises `InvalidInput` if a filter chooses too, or nothing does."""
    if ("ids" in sent) == ("where" in sent):
        problem = "works in place of ids, not with them" if "ids" in sent else "is missing: which jobs?"
        raise InvalidInput("where", problem, hint="give a filter in where, or a list of ids")
    if "where" in sent:
        return None
    for name in ("cursor", "limit"):
        if name in sent:
            raise InvalidInput(name, "works with where, not with ids")
    names = sent["ids"]
    if not isinstance(names, list):
        raise InvalidInput("ids", f"must be a list of ids, not {shown(names)}")
    if len(names) > MAX_ORDERED:
        raise LimitExceeded("ids", "max_ordered_jobs", len(names), MAX_ORDERED)
    return list(dict.fromkeys(read_id(f"ids[{index}]", name) for index, name in enumerate(names)))


async def _order_jobs(hub: Hub, queue: Queue, request: Request, verb: str) -> Response:
    asked = read_bulk_order(verb, await read_order(request, *FIELDS, *(["priority"] if verb == "priority" else [])))
    notes: list[str] = []
    order = order_of(verb, asked.priority, asked.reason, tell=notes.append)
    async with hub.orders.turn():
        async with hub.lists.turn(LOOK_AT_MOST), in_time(hub):
            chosen = await _choose(queue, order, asked)
        states = Counter(job.shown_state for job in chosen.jobs)
        ids = [job.id for job in chosen.jobs]
        answers: dict[str, EmpError | None] = {job_id: NotFound("job", job_id) for job_id in chosen.missing}
        if not asked.dry_run:
            try:
                await _carry_out(hub, queue, order, ids, answers)
            except QueueUnavailable as error:
                return _interrupted(error, answers)
    came = given(answers)
    would = f"would {order.verb} {count(ids)}{': ' if states else ''}{states_in_words(states)}; nothing was done"
    refused = [_refusal(job_id, error) for job_id, error in came.refusals.items()]
    return success(
        {
            "success": not refused,
            "message": would if asked.dry_run else came.in_words(order),
            "dry_run": asked.dry_run,
            "jobs": ids,
            "states": dict(states),
            "done": len(came.done),
            "refused": refused,
            "notes": notes,
            "total": chosen.total,
            "more": chosen.cursor is not None,
            "cursor": chosen.cursor,
            "complete": chosen.complete,
        }
    )


async def _choose(queue: Queue, order: Order, asked: BulkOrder) -> Chosen:
    if asked.ids is not None:
        jobs = await queue.jobs_by_id(asked.ids)
        found = {job.id for job in jobs}
        return Chosen(jobs=jobs, missing=[job_id for job_id in asked.ids if job_id not in found])
    wanted = order.narrowed(parse(asked.where))
    page = await queue.jobs(wanted, limit=asked.limit, cursor=asked.cursor, at_most=LOOK_AT_MOST + 1)
    jobs = [job for job in page.jobs if order.takes(job)]
    return Chosen(jobs=jobs, cursor=page.cursor, total=page.total, complete=page.complete)


async def _carry_out(
    hub: Hub, queue: Queue, order: Order, job_ids: Sequence[str], answers: dict[str, EmpError | None]
) -> None:
    """Give the order, and add what came of it to `answers`, part by part."""
    async with aclosing(in_parts(queue, order, job_ids)) as parts:

        async def next_part() -> Answers | None:
            async with in_time(hub):
                return await anext(parts, None)

        while (part := await next_part()) is not None:
            answers |= part


def _interrupted(error: QueueUnavailable, answers: Answers) -> Response:
    problem = problem_of(error)
    members = {**problem.members, "done": len(given(answers).done), "hint": "repeat the call for the other jobs"}
    return replace(problem, members=members).response()


def _refusal(job_id: str, error: EmpError) -> dict[str, Any]:
    problem = problem_of(error)
    return {"id": job_id, "status": problem.status, "code": problem.code, "detail": problem.detail}


_MEANINGS = {
    "cancel": "Cancel jobs: waiting ones at once, running ones within their grace.",
    "retry": "Run failed and cancelled jobs again, as their next generation.",
    "hold": "Keep waiting jobs back until they are unheld.",
    "unhold": "Let held jobs wait again, in their old places.",
    "requeue": "Take running jobs from their workers; they wait again. Only an operator may.",
    "priority": "Move waiting jobs to another priority; they keep their time.",
    "delete": "Forget ended jobs, with their results and files. Only an operator may.",
}

ABOUT = """

`where` chooses the jobs by a filter, of which only those count whose state the order can change; `ids` names them. One
call orders at most 1,000 jobs: while `more` is true, the same call with the answer's `cursor` goes on. `dry_run`
changes nothing and says which jobs the call is for."""


def _route_of(verb: str) -> Callable[..., Awaitable[Response]]:
    async def order_jobs(hub: SharedHub, queue: CallersQueue, request: Request) -> Response:
        return await _order_jobs(hub, queue, request, verb)

    return order_jobs


for _verb in VERBS:
    router.add_api_route(
        f"/jobs/{_verb}",
        _route_of(_verb),
        methods=["POST"],
        name=f"{_verb}_jobs",
        description=_MEANINGS[_verb] + ABOUT,
    )
