"""What went wrong, to a caller: problem details (RFC 9457) with the predecessors' `success` and `error`; one table."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emp_core.clock import SystemClock
from emp_core.domain.json_text import dump_json
from emp_core.domain.values import cut
from emp_core.domain.views import time_view
from emp_core.errors import (
    Ambiguous,
    ArtifactsUnavailable,
    Conflict,
    DeletedId,
    EmpError,
    Forbidden,
    HubUnavailable,
    InvalidInput,
    LimitExceeded,
    Misconfigured,
    NotFound,
    QueueUnavailable,
    Refused,
)

MEDIA_TYPE = "application/problem+json"


class Unauthorized(EmpError):
    """The caller did not show the token."""


class RequestTimeout(EmpError):
    """The caller stopped sending."""


class BadQuery(EmpError):
    """The URL has an unknown parameter, or has one twice."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class UnsupportedMediaType(EmpError):
    """The body is in a form that the hub does not read."""


class HubBusy(EmpError):
    """The hub has too many calls of this kind."""


class HubStopping(EmpError):
    """The hub ends before the call has."""


class RangeNotSatisfiable(EmpError):
    """The file ends before the range begins; `size` is its own."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal."""

    status: int
    code: str
    """A stable word."""

    title: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else a program wants to know."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        """The body."""
        return {
            "type": f"urn:emp:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
            "success": False,
            "error": self.detail,
            "timestamp": now(),
        }

    def response(self) -> Response:
        """The answer."""
        return Response(dump_json(self.to_json()), self.status, self.headers, media_type=MEDIA_TYPE)


# The first row that fits counts, so a class stands before its base.
_TABLE: tuple[tuple[type[EmpError], int, str, str], ...] = (
    (BadQuery, 400, "bad_query", "A parameter is unknown or repeated"),
    (Unauthorized, 401, "unauthorized", "The token is missing or wrong"),
    (Forbidden, 403, "forbidden", "Not allowed"),
    (NotFound, 404, "not_found", "Not found"),
    (RequestTimeout, 408, "request_timeout", "The request did not arrive in time"),
    (Ambiguous, 409, "ambiguous", "The prefix is ambiguous"),
    (DeletedId, 409, "deleted", "The id is that of a deleted job"),
    (Conflict, 409, "conflict", "Not allowed in the current state"),
    (Refused, 409, "refused", "The queue refused it"),
    (LimitExceeded, 413, "too_large", "Over a limit"),
    (UnsupportedMediaType, 415, "unsupported_media_type", "The hub does not read this form of body"),
    (RangeNotSatisfiable, 416, "range_not_satisfiable", "Not a range of this file"),
    (InvalidInput, 422, "invalid", "A field has a wrong value"),
    (QueueUnavailable, 503, "queue_unavailable", "The queue is not available"),
    (ArtifactsUnavailable, 503, "artifacts_unavailable", "The file store is not available"),
    (HubBusy, 503, "hub_busy", "The hub has too many calls of this kind"),
    (HubStopping, 503, "stopping", "The hub is stopping"),
    (HubUnavailable, 503, "hub_unavailable", "Another hub does not answer"),
    (Misconfigured, 503, "misconfigured", "The hub is not configured for this"),
    (EmpError, 500, "internal", "The hub failed"),
)

QUOTAS = frozenset({"max_pending_jobs"})
"""Limits that a later call may be under: 429 instead of 413."""

RETRY_SECONDS = {
    "redis_unavailable": 2,
    "queue_busy": 2,
    "moving": 2,
    "hub_busy": 2,
    "storage_full": 30,
    "storage_readonly": 30,
    "redis_too_old": 60,
}
RETRY_SECONDS_ELSE = 5


def now() -> str:
    """The hub's own time, for people; the queue goes by Redis's."""
    return time_view(SystemClock().now_ms()) or ""


def problem_of(error: EmpError) -> Problem:
    """The problem that an error is."""
    _, status, code, title = next(row for row in _TABLE if isinstance(error, row[0]))
    if isinstance(error, LimitExceeded) and error.limit in QUOTAS:
        status, code, title = 429, "quota", "Too many requests are waiting"
    if isinstance(error, QueueUnavailable):
        code = error.code
    if isinstance(error, Refused):
        code = error.reason
    members = _members(error)
    hint = {"hint": error.hint} if error.hint else {}
    headers = _headers(error, status, code)
    return Problem(
        status=status, code=code, title=title, detail=error.message, members={**members, **hint}, headers=headers
    )


def _members(error: EmpError) -> dict[str, Any]:
    match error:
        case LimitExceeded():
            return {"field": error.field, "limit": error.limit, "maximum": error.maximum, "value": error.value}
        case InvalidInput():
            return {"field": error.field}
        case BadQuery():
            return {"field": cut(error.name)}
        case NotFound():
            return {"kind": error.kind, "name": error.name}
        case Ambiguous():
            return {"candidates": list(error.candidates)}
        case _:
            return {}


def _headers(error: EmpError, status: int, code: str) -> dict[str, str]:
    if status in (429, 503):
        return {"Retry-After": str(RETRY_SECONDS.get(code, RETRY_SECONDS_ELSE))}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": 'Bearer realm="emp"'}
    if isinstance(error, RequestTimeout):
        return {"Connection": "close"}
    if isinstance(error, RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.size}"}
    return {}


def answer_problems(app: FastAPI) -> None:
    """Have an app tell every error as a problem."""
    app.add_exception_handler(EmpError, _refuse)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_bug)


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, EmpError)
    return problem_of(error).response()


async def _answer_status(request: Request, error: Exception) -> Response:
    """What the framework refuses: a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    members = {"path": request.url.path, "method": request.method}
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
    return Problem(
        status=error.status_code,
        code=code,
        title=str(error.detail),
        detail=detail,
        members=members,
        headers=headers or {},
    ).response()


def _allowed(request: Request) -> list[str]:
    """The methods of a path: each of them is a route, and the framework names those of one."""
    scope = {"type": "http", "path": request.scope["path"], "root_path": "", "headers": []}
    allowed = [
        method
        for method in ("GET", "POST", "PUT", "DELETE")
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]
    return [*allowed, "HEAD"] if "GET" in allowed else allowed


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    """What the framework read of the path and the query, and could not take."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return problem_of(InvalidInput(name, first["msg"])).response()


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    """The caller hung up in the middle of its request; 499 is for the log."""
    return Response(status_code=499)


async def _answer_bug(_request: Request, _error: Exception) -> Response:
    """A bug of ours: the server logs the traceback, and the caller learns nothing of it."""
    return problem_of(EmpError("an internal error of the hub; see its log")).response()


class LastWord:
    """Answers 503 to requests that the hub's stop cut off; the server would answer 500, and log a bug."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if scope["type"] != "http" or not scope["app"].state.stopping.is_set():
                raise
            # Of an answer that has begun the server says that it is cut off, and hangs up.
            if not begun:
                await problem_of(HubStopping("the hub is stopping")).response()(scope, receive, send)
