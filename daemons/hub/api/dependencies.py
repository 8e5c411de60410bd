"""What a route may ask for."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from daemons.hub.http.admission import Admission
from daemons.hub.http.auth import KnownCaller
from daemons.hub.http.bodies import LARGE_BYTES
from daemons.hub.http.packing import packed
from daemons.hub.http.parameters import check_parameters, known_parameters
from daemons.hub.live import Live
from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.client import patience
from emp_core.client.queue import Queue
from emp_core.domain.values import cut
from emp_core.errors import NotFound
from emp_core.ids import is_id

ANSWER_SECONDS = 5.0
"""A Redis that takes longer counts as unavailable: a caller gets an answer, never a hang."""

LOOK_AT_MOST = 1_000
"""Jobs that a page reads at most to find those that it shows."""

MAX_LISTED = 4_000
"""Jobs that the lists which wait for their turn may read together: about a second of the hub's time."""

SHORT_LIST = 50

NARROWING = frozenset({"where"})
"""Parameters with which a list may look through more jobs than it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What the routes share."""

    queue: Queue
    """As the hub itself sees it; a route asks `CallersQueue`."""

    live: Live
    artifacts: ObjectArtifacts
    settings: HubSettings
    stopping: asyncio.Event
    """Set once the hub stops: answers that would go on end."""

    lists: Admission = field(default_factory=lambda: Admission("lists", at_once=1, waiting=MAX_LISTED))
    """Calls that read many jobs or workers, at the cost of a job each: they keep the hub's one loop busy."""

    orders: Admission = field(default_factory=lambda: Admission("orders to many jobs", at_once=4, waiting=16))
    """Calls that change up to 1,000 jobs."""

    bodies: Admission = field(default_factory=lambda: Admission("large bodies", at_once=8, waiting=16))
    """Calls that bring a large body, which is held in memory as a whole."""

    downloads: Admission = field(default_factory=lambda: Admission("downloads", at_once=64, waiting=0))
    """Files and payloads under way: each holds a few chunks in memory."""


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


SharedHub = Annotated[Hub, Depends(_hub)]


async def _queue(hub: SharedHub, caller: KnownCaller) -> Queue:
    return hub.queue.for_caller(caller)


CallersQueue = Annotated[Queue, Depends(_queue)]
"""The queue as the caller sees it, and may change it."""


def in_time(hub: Hub) -> AbstractAsyncContextManager[asyncio.Timeout]:
    """Calls of the queue that are together one answer. Raises `QueueUnavailable` if they take too long."""
    return patience.in_time(hub.queue, ANSWER_SECONDS)


class Route(APIRoute):
    """A route that refuses parameters of which it knows nothing, and packs long answers for callers that take gzip."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = known_parameters(self)

        async def handle_known(request: Request) -> Response:
            check_parameters(request, known)
            return await packed(request, await handle(request))

        return handle_known


class TimedRoute(Route):
    """A route whose whole answer is calls of the queue."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_time(request: Request) -> Response:
            async with in_time(request.app.state.hub):
                return await handle(request)

        return handle_in_time


class ListRoute(TimedRoute):
    """A route that reads many jobs or workers: it waits for its turn among its kind."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_turn(request: Request) -> Response:
            async with request.app.state.hub.lists.turn(_jobs_to_read(request)):
                return await handle(request)

        return handle_in_turn


def _jobs_to_read(request: Request) -> int:
    """How many jobs a list reads at most; other answers of this kind cost about as much as a short list."""
    if not NARROWING.isdisjoint(request.query_params):
        return LOOK_AT_MOST
    limit = request.query_params.get("limit", "")
    return min(int(limit), LOOK_AT_MOST) if limit.isdecimal() and len(limit) < 9 else SHORT_LIST


class BodyRoute(Route):
    """A route that takes a body as a whole: large ones, and those that do not say their length, wait for their turn."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_turn(request: Request) -> Response:
            length = request.headers.get("content-length", "")
            if length.isdecimal() and int(length) < LARGE_BYTES:
                return await handle(request)
            async with request.app.state.hub.bodies.turn():
                return await handle(request)

        return handle_in_turn


async def _job_id(job_id: str) -> str:
    """A well-formed id. Only GET of one job also takes the beginning of an id: `order-1` must not cancel `order-12`."""
    if not is_id(job_id):
        raise NotFound("job", cut(job_id))
    return job_id


JobId = Annotated[str, Depends(_job_id)]


async def _known(job_id: JobId, hub: SharedHub, queue: CallersQueue) -> str:
    async with in_time(hub):
        if not await queue.known([job_id]):
            raise NotFound("job", job_id)
    return job_id


KnownJobId = Annotated[str, Depends(_known)]
"""For routes whose answer about a missing job would look like an empty one: they answer 404."""


async def _worker_id(worker_id: str) -> str:
    if not is_id(worker_id):
        raise NotFound("worker", cut(worker_id))
    return worker_id


WorkerId = Annotated[str, Depends(_worker_id)]
