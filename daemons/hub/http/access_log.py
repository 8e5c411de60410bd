"""One line for each request: who asked what, and what came of it. Never a query string: it may hold a token."""

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemons.hub.http.auth import OPEN_PATHS

log = structlog.get_logger()


class AccessLog:
    """Logs what the app within answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            say = log.debug if status < 400 and scope["path"] in OPEN_PATHS else log.info
            ms = round((perf_counter() - began) * 1000, 1)
            say("http.answered", method=scope["method"], path=_path(scope), status=status, ms=ms, **_who(scope))


def _path(scope: Scope) -> str:
    """As it was sent, so that an escaped line feed stays one."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "backslashreplace")


def _who(scope: Scope) -> dict[str, str]:
    """The address, and the request id by which the audit names the call; none of a call that was not let in."""
    client, caller = scope.get("client"), scope.get("state", {}).get("caller")
    address = {"client": client[0] if client else ""}
    return {**address, "request": caller.request_id} if caller else address
