"""What a socket can follow, as server-sent events: for programs that have HTTP and nothing else."""

import asyncio
import json
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.types import Receive, Scope, Send

from daemons.hub.api.dependencies import Hub, JobId, Route, SharedHub
from daemons.hub.http.auth import KnownCaller
from daemons.hub.ws import messages
from daemons.hub.ws.messages import CURSOR, MAX_SNAPSHOT, Subscribe
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.session import Session
from daemons.hub.ws.texts import TEXTS
from emp_core.clock import SystemClock
from emp_core.domain.caller import Caller
from emp_core.domain.states import TERMINAL

PING_SECONDS = 15.0
"""A proxy that hears nothing for a minute closes the connection."""

After = Annotated[
    str | None,
    Header(alias="Last-Event-ID", pattern=CURSOR, description="Go on behind this event; `EventSource` sends it."),
]

router = APIRouter(
    route_class=Route,
    tags=["streams"],
    default_response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)


@router.get("/stream/jobs/{job_id}", name="stream_job")
async def stream_job(
    hub: SharedHub,
    caller: KnownCaller,
    job_id: JobId,
    log: bool = False,
    preview: bool = False,
    after: After = None,
) -> Response:
    """One job as it changes, to its end, as server-sent events. Their names and data are the messages of a socket."""
    asked = messages.SubscribeJob(job_id=job_id, log=log, preview=preview, after=after)
    return EventStream(hub, caller, asked)


@router.get("/stream/jobs", name="stream_jobs")
async def stream_jobs(
    hub: SharedHub,
    caller: KnownCaller,
    where: str = "",
    limit: Annotated[int, Query(ge=0, le=MAX_SNAPSHOT)] = 100,
    after: After = None,
) -> Response:
    """The jobs that match a filter as they change, as server-sent events."""
    return EventStream(hub, caller, messages.SubscribeJobs(where=where, limit=limit, after=after))


@router.get("/stream/events", name="stream_events")
async def stream_events(hub: SharedHub, caller: KnownCaller, after: After = None) -> Response:
    """Every change of a job's or a worker's state, as server-sent events."""
    return EventStream(hub, caller, messages.SubscribeEvents(after=after))


@router.get("/stream/stats", name="stream_stats")
async def stream_stats(hub: SharedHub, caller: KnownCaller) -> Response:
    """The queue at a glance, at most once a second, as server-sent events."""
    return EventStream(hub, caller, messages.SubscribeStats())


@router.get("/stream/workers", name="stream_workers")
async def stream_workers(hub: SharedHub, caller: KnownCaller) -> Response:
    """The live workers as they change, at most once a second, as server-sent events."""
    return EventStream(hub, caller, messages.SubscribeWorkers())


class EventStream(Response):
    """An answer that goes on until the job has ended, the client leaves, or reads too slowly."""

    def __init__(self, hub: Hub, caller: Caller, asked: Subscribe) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.headers["Content-Type"] = "text/event-stream"
        del self.headers["Content-Length"]
        self._hub = hub
        self._asked = asked
        self._outbox = Outbox()
        self._session = Session(hub, caller, self._outbox, TEXTS, SystemClock())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._hub.live.feed.followed_by(self._session):
            try:
                await self._session.carry_out(self._asked)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._talk(receive, send)
            finally:
                self._session.end()
        await send({"type": "http.response.body", "body": b""})

    async def _talk(self, receive: Receive, send: Send) -> None:
        talks = (
            self._tell(send),
            _until_gone(receive),
            self._session.read_again(),
            self._outbox.overflow.wait(),
            self._hub.stopping.wait(),
        )
        tasks = [asyncio.ensure_future(talk) for talk in talks]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        ended = False
        while not ended:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    text = await self._outbox.take()
            except TimeoutError:
                await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})
                continue
            message = json.loads(text)
            ended = message["type"] in ("snapshot", "job") and self._is_end(message)
            await send({"type": "http.response.body", "body": _event(message, text), "more_body": True})

    def _is_end(self, message: dict[str, object]) -> bool:
        if not isinstance(self._asked, messages.SubscribeJob):
            return False
        job = message["job"]
        return not isinstance(job, dict) or job["state"] is None or job["state"] in TERMINAL


def _event(message: dict[str, object], text: str) -> bytes:
    place = f"id: {message['cursor']}\n" if message.get("cursor") else ""
    return f"{place}event: {message['type']}\ndata: {text}\n\n".encode()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
