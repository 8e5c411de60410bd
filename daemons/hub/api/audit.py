"""Who ordered what."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import CallersQueue, TimedRoute
from emp_core.domain.views import order_view

router = APIRouter(route_class=TimedRoute, tags=["hub"])


@router.get("/audit")
async def get_audit(
    queue: CallersQueue,
    limit: Annotated[int, Query(ge=1, le=1_000, description="Show at most N.")] = 50,
    before: Annotated[str, Query(description="The `cursor` of an order: show older ones.")] = "",
) -> Response:
    """The latest orders to jobs, workers and limits, oldest first; only an operator may read them."""
    return success({"orders": [order_view(order) for order in await queue.audit(limit, before)]})
