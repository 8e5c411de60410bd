"""HEAD: what GET answers, without its body (RFC 9110 §9.3.2)."""

import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _Enough(Exception):
    """Ends an answer of which nobody reads the body."""


class Head:
    """Has the app within, which knows GET only, answer HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif message.get("more_body"):
                raise _Enough  # before a large file is read for nothing

        headers = [header for header in scope["headers"] if header[0] != b"range"]  # only GET knows it
        with contextlib.suppress(_Enough):
            await self._app({**scope, "method": "GET", "headers": headers}, receive, without_body)
        await send({"type": "http.response.body", "body": b""})
