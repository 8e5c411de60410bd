"""The queue as a whole: what waits by class, model, customer and workflow, its limits, minutes and events."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BeforeValidator

from daemons.hub.api.answers import in_pieces, success
from daemons.hub.api.dependencies import CallersQueue, Hub, ListRoute, Route, SharedHub, TimedRoute, in_time
from daemons.hub.http.bodies import read_order, read_reason
from emp_core.client.groups import read_groups
from emp_core.client.queue import Queue
from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.queue_views import group_view, trend_view, workflow_view
from emp_core.domain.trend import MINUTES_AT_MOST
from emp_core.domain.values import cut, read_int
from emp_core.domain.views import event_view
from emp_core.errors import NotFound
from emp_core.ids import ID_PATTERN, is_id

router = APIRouter(route_class=TimedRoute, tags=["queue"])
orders = APIRouter(route_class=Route, tags=["queue"])
lists = APIRouter(route_class=ListRoute, tags=["queue"])


def _no_number(text: object) -> object:
    """A number could be seconds or milliseconds."""
    if isinstance(text, str) and "T" not in text.upper():
        raise ValueError("must be a time such as 2026-01-02T03:04:05Z")
    return text


Time = Annotated[AwareDatetime, BeforeValidator(_no_number)]
Since = Annotated[Time | None, Query(description="Only from this time on; it names its zone.")]
Until = Annotated[Time | None, Query(description="Only up to this time.")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Show at most N.")]
Whose = Annotated[
    str,
    Path(
        description="`customer:ID` or `class:ID`.",
        json_schema_extra={"pattern": f"^(customer|class):{ID_PATTERN.pattern}$"},
    ),
]


def ms_of(time: AwareDatetime | None) -> int | None:
    """As the queue counts: ms since 1970."""
    return None if time is None else max(0, round(time.timestamp() * 1000))


@lists.get("/classes")
async def list_classes(queue: CallersQueue) -> Response:
    """The kinds of jobs that wait or run, by what they need; those with the most pending jobs first."""
    return await _groups_answer(queue, "classes")


@lists.get("/models")
async def list_models(queue: CallersQueue) -> Response:
    """The models that jobs need or workers list; those with the most pending jobs first."""
    return await _groups_answer(queue, "models")


@lists.get("/customers")
async def list_customers(queue: CallersQueue) -> Response:
    """The customers of the jobs that wait or run; the name is empty for jobs of none."""
    return await _groups_answer(queue, "customers")


async def _groups_answer(queue: Queue, kind: str) -> Response:
    found = await read_groups(queue, kind)
    return success(
        {
            kind: await in_pieces(found.groups, group_view),
            "more_classes": found.demand.more_classes,
            "more_running": found.demand.more_running,
            "oldest_exact": found.demand.oldest_exact,
        }
    )


@lists.get("/workflows")
async def list_workflows(queue: CallersQueue) -> Response:
    """The workflows of running jobs and of the next pending ones, and those that workers are reserved for."""
    found = await queue.workflows()
    views = await in_pieces(found.workflows, workflow_view)
    return success({"workflows": views, "looked_at": found.looked_at, "exact": found.exact})


@orders.post("/workflows/{workflow_id}/priority")
async def set_workflow_priority(hub: SharedHub, queue: CallersQueue, workflow_id: str, request: Request) -> Response:
    """Move a workflow's waiting jobs, and those to come, to another priority: `{"priority": 80}`."""
    if not is_id(workflow_id):
        raise NotFound("workflow", cut(workflow_id))
    order = await read_order(request, "priority", "reason")
    priority = read_int("priority", order.get("priority"), minimum=MIN_PRIORITY, maximum=MAX_PRIORITY)
    reason = read_reason(order)
    async with in_time(hub):
        moved = await queue.set_workflow_priority(workflow_id, priority, reason=reason)
    message = f"workflow {workflow_id} is at priority {priority}; waiting jobs that were moved: {moved:,}"
    return success({"workflow_id": workflow_id, "priority": priority, "moved": moved, "message": message})


@router.get("/limits")
async def list_limits(queue: CallersQueue) -> Response:
    """How many jobs of a customer or a class may run at once, by `customer:ID` or `class:ID`."""
    return success({"limits": await queue.limits()})


@router.get("/limits/{whose}")
async def get_limit(queue: CallersQueue, whose: Whose) -> Response:
    """One limit."""
    limits = await queue.limits()
    if whose not in limits:
        raise NotFound("limit", cut(whose))
    return success({"whose": whose, "maximum": limits[whose]})


@orders.put("/limits/{whose}")
async def set_limit(hub: SharedHub, queue: CallersQueue, whose: Whose, request: Request) -> Response:
    """Let so many jobs of a customer or a class run at once: `{"maximum": 3}`. Only an operator may."""
    order = await read_order(request, "maximum", "reason")
    maximum = read_int("maximum", order.get("maximum"))
    return await _limit_set(hub, queue, whose, maximum, order)


@orders.delete("/limits/{whose}")
async def delete_limit(hub: SharedHub, queue: CallersQueue, whose: Whose, request: Request) -> Response:
    """Take a limit away, if there is one. Only an operator may."""
    return await _limit_set(hub, queue, whose, None, await read_order(request, "reason"))


async def _limit_set(hub: Hub, queue: Queue, whose: str, maximum: int | None, order: dict[str, Any]) -> Response:
    reason = read_reason(order)
    async with in_time(hub):
        await queue.set_limit(whose, maximum, reason=reason)
    return success({"whose": whose, "maximum": maximum})


@router.get("/trend")
async def get_trend(
    queue: CallersQueue, minutes: Annotated[int, Query(ge=1, le=MINUTES_AT_MOST, description="How many.")] = 60
) -> Response:
    """What the queue did in each of the last minutes, the oldest first."""
    return success(trend_view(await queue.trend(minutes)))


@lists.get("/events")
async def list_events(queue: CallersQueue, limit: Limit = 50, since: Since = None, until: Until = None) -> Response:
    """The newest events of the queue, oldest first."""
    events = await queue.recent_events(limit, since=ms_of(since) or 0, until=ms_of(until))
    return success({"events": await in_pieces(events, event_view)})


router.include_router(orders)
router.include_router(lists)
