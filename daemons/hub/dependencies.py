"""What a route may ask for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.domain.values import cut
from emp_core.errors import NotFound, QueueUnavailable
from emp_core.ids import is_id
from emp_core.store import Store
from emp_core.store.connection import busy

ANSWER_SECONDS = 5.0
"""A Redis that takes longer counts as away: a caller gets an answer, never a hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What the routes share."""

    store: Store
    artifacts: ObjectArtifacts
    settings: HubSettings


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


SharedHub = Annotated[Hub, Depends(_hub)]


@asynccontextmanager
async def in_time(hub: Hub) -> AsyncIterator[asyncio.Timeout]:
    """Calls of the queue that are together one answer. Raises `QueueUnavailable` if they take too long."""
    limit = asyncio.timeout(ANSWER_SECONDS)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if not limit.expired():
            raise
        if hub.store.link.heard_since(asyncio.get_running_loop().time() - ANSWER_SECONDS / 2):
            raise busy(f"the hub has too much to do: the call was not done within {ANSWER_SECONDS:g} s") from None
        raise QueueUnavailable("redis_unavailable", f"Redis did not answer within {ANSWER_SECONDS:g} s") from None


class TimedRoute(APIRoute):
    """A route whose whole answer is calls of the queue."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_time(request: Request) -> Response:
            async with in_time(request.app.state.hub):
                return await handle(request)

        return handle_in_time


async def _job_id(job_id: str) -> str:
    """A whole id: programs choose their own and the queue forgets jobs, so `order-1` never means `order-12`."""
    if not is_id(job_id):
        raise NotFound("job", cut(job_id))
    return job_id


JobId = Annotated[str, Depends(_job_id)]


async def _known(job_id: JobId, hub: SharedHub) -> str:
    async with in_time(hub):
        if not await hub.store.inspector.known([job_id]):
            raise NotFound("job", job_id)
    return job_id


KnownJobId = Annotated[str, Depends(_known)]
"""Where a job that is not there would look like one of which there is nothing to tell."""


async def _resolved(job_id: JobId, hub: SharedHub) -> str:
    async with in_time(hub):
        return await hub.store.inspector.resolve(job_id)


ResolvedJobId = Annotated[str, Depends(_resolved)]
"""A job's id, of which a person who looks one up may give the beginning."""


async def _worker_id(worker_id: str) -> str:
    if not is_id(worker_id):
        raise NotFound("worker", cut(worker_id))
    return worker_id


WorkerId = Annotated[str, Depends(_worker_id)]
