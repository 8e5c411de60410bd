"""Who may call the hub.

One token, compared in constant time, where it is set: its bearer is a client of every customer, and never an operator.
Without one the hub listens on this machine only, and whoever is on it is the operator; but not a web page that runs
in a browser on it, nor a name that somebody points at it.
"""

import base64
import hmac
import socket
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from daemons.hub.http.problems import Unauthorized, problem_of
from daemons.hub.settings import ListenSettings
from emp_core.domain.caller import Caller, Role, local_caller
from emp_core.errors import EmpError, Forbidden
from emp_core.ids import new_nonce
from emp_core.urls import is_loopback

OPEN_PATHS = frozenset({"/health", "/api/health"})

QUERY_NAMES = ("token", "auth_token")

BEARER_PROTOCOL = "emp.bearer."
"""Begins the name of a subprotocol that is the token, in base64url without padding; the hub never accepts that one."""


class Gate:
    """Lets in who may call, and answers everybody else."""

    def __init__(self, app: ASGIApp, settings: ListenSettings) -> None:
        self._app = app
        secret = settings.ws_auth_token
        self._token = secret.get_secret_value().encode() if secret else None
        self._host = socket.gethostname()
        self._takes_query = settings.hub_allow_query_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        shown = _bearer(headers) or _from_protocols(scope) or self._from_query(scope)
        caller = self._caller(headers) if self._knows(shown) else None
        refusal = self._refusal(scope, headers, shown, caller)
        if refusal is None:
            scope.setdefault("state", {})["caller"] = caller
            await self._app(scope, receive, send)
        else:  # of a socket too, before it is accepted
            await problem_of(refusal).response()(scope, receive, send)

    def _knows(self, shown: str) -> bool:
        return self._token is None or hmac.compare_digest(shown.encode(), self._token)

    def _caller(self, headers: Headers) -> Caller:
        """A client, if the hub has a token. If it has none, all calls come from this machine: from an operator."""
        request_id = headers.get("x-request-id") or new_nonce()
        if self._token is None:
            return local_caller("local", self._host, request_id)
        return Caller(role=Role.CLIENT, actor="token", request_id=request_id)

    def _refusal(self, scope: Scope, headers: Headers, shown: str, caller: Caller | None) -> EmpError | None:
        if not _same_origin(headers):
            return Forbidden("the hub does not accept calls from web pages of another origin")
        if self._token is None:
            return (
                None
                if _names_this_machine(headers)
                else Forbidden(
                    f"the hub does not answer to the name {headers.get('host')}",
                    hint="without a token it answers only to localhost; set WS_AUTH_TOKEN",
                )
            )
        if caller is not None or scope["path"] in OPEN_PATHS:
            return None
        return Unauthorized("the token is wrong" if shown else "a token is needed", hint="Authorization: Bearer TOKEN")

    def _from_query(self, scope: Scope) -> str:
        """The token of a URL, which is taken out of it; none unless that is allowed."""
        if not self._takes_query or not scope["query_string"]:
            return ""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        scope["query_string"] = urlencode([pair for pair in pairs if pair[0] not in QUERY_NAMES]).encode()
        return _first(value for name, value in pairs if name in QUERY_NAMES)


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _from_protocols(scope: Scope) -> str:
    """The token that a web page sends with its WebSocket, for which it can set no other header."""
    names: list[str] = scope.get("subprotocols", [])
    encoded = _first(name.removeprefix(BEARER_PROTOCOL) for name in names if name.startswith(BEARER_PROTOCOL))
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError:
        return ""


def _same_origin(headers: Headers) -> bool:
    """Programs send no Origin; browsers do, `null` where they hide it."""
    origin, host = headers.get("origin"), headers.get("host")
    return origin is None or (bool(host) and _split(origin).netloc == host)


def _names_this_machine(headers: Headers) -> bool:
    """Else a page whose name is made to point at 127.0.0.1 would count as this machine."""
    host = headers.get("host")
    return host is None or is_loopback(_split(f"//{host}").hostname or "")


def _split(url: str) -> SplitResult:
    """The parts of what somebody sends as a URL; empty ones where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("//?")


def _first(values: Iterable[str]) -> str:
    return next(iter(values), "")


async def _anybody(request: Request) -> Caller | None:
    caller: Caller | None = request.state.caller
    return caller


Anybody = Annotated[Caller | None, Depends(_anybody)]
"""The caller; None on an open path if it shows no token."""


async def _caller(caller: Anybody) -> Caller:
    if caller is None:
        raise AssertionError("a path that is not open has a caller")
    return caller


KnownCaller = Annotated[Caller, Depends(_caller)]
