"""Who ordered what."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import CallersQueue, TimedRoute
from daemons.hub.api.queue import Limit, Since, Until, ms_of
from emp_core.domain.views import order_view

Before = Annotated[
    str,
    Query(
        description="The `cursor` of an order: show older ones.",
        json_schema_extra={"pattern": "^([0-9]{1,15}-[0-9]{1,15})?$"},
    ),
]

router = APIRouter(route_class=TimedRoute, tags=["hub"])


@router.get("/audit")
async def get_audit(
    queue: CallersQueue,
    limit: Limit = 50,
    before: Before = "",
    since: Since = None,
    until: Until = None,
) -> Response:
    """The latest orders to jobs, workers and limits, oldest first; only an operator may read them."""
    orders = await queue.audit(limit, before, since=ms_of(since) or 0, until=ms_of(until))
    return success({"orders": [order_view(order) for order in orders]})
