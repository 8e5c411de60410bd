"""HTTP as the hub takes it: uvicorn's, with a limit for the size and the time of a head, and for readers that stall."""

import asyncio
import contextlib
import resource
from typing import Any

import structlog
from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from daemons.hub.http.problems import Problem

log = structlog.get_logger()

MAX_HEAD_BYTES = 64 * 1024
"""A request's line and headers; also what stands between two pieces of a body, and its trailers."""

HEAD_SECONDS = 30.0
"""How long a connection may take to send the head of a request, or what is left of one that was answered early."""

READ_SECONDS = 30.0
"""How long a caller may leave unread what the hub has sent it."""

OWN_FILES = 256
"""Open files that no connection may take: those to Redis, of artifacts, and what is read late."""

MALFORMED = Problem(status=400, code="malformed", title="Not an HTTP request", detail="the request is not valid HTTP")
NO_HOST = Problem(status=400, code="malformed", title="Not an HTTP request", detail="one header Host is needed")
LONG_URL = Problem(
    status=414, code="url_too_long", title="The URL is too long", detail=f"at most {MAX_HEAD_BYTES} bytes are read"
)
LARGE_HEAD = Problem(
    status=431, code="headers_too_large", title="Too many headers", detail=f"at most {MAX_HEAD_BYTES} bytes are read"
)


def allow_open_files() -> None:
    """Let this process open as many files as it may be allowed: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS takes no "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def max_connections() -> int:
    """How many connections leave the hub its own files."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if allowed == resource.RLIM_INFINITY else max(allowed - OWN_FILES, allowed // 2)


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.url = b""
        self._overhead = 0
        """Bytes since the last one of a body, or since the last request."""

        self._in_body = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > max_connections():
            transport.close()
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller reads more slowly than the hub sends."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self._cut_off)

    def resume_writing(self) -> None:
        self._stop_waiting_for_reader()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_HEAD_BYTES:
            self._refuse(self._too_large())
        elif self in self.connections and not self._is_answering():  # else it is a WebSocket now
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_body:  # a trailer may not change a request that was let in
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        fault = self._fault()
        if fault is not None:
            self._refuse(fault)
            raise HttpParserError(fault.detail)
        self._overhead, self._in_body = 0, True
        self._stop_expecting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._overhead, self._in_body = 0, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """For uvicorn, which calls it when the parser gave up; the reason may have been told by then."""
        self._refuse(MALFORMED)

    def _should_upgrade(self) -> bool:
        # Of anything else the socket's protocol waits for ever for what was read already.
        return self.parser.get_method() == b"GET" and super()._should_upgrade()

    def _fault(self) -> Problem | None:
        marks = len(":\r\n")
        if len(self.url) + sum(len(name) + len(value) + marks for name, value in self.headers) > MAX_HEAD_BYTES:
            return self._too_large()
        hosts = sum(name == b"host" for name, _ in self.headers)
        return NO_HOST if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1") else None

    def _too_large(self) -> Problem:
        return LONG_URL if len(self.url) > MAX_HEAD_BYTES // 2 else LARGE_HEAD

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, problem: Problem) -> None:
        """Say so, unless that would stand in the middle of an answer, and hang up."""
        if self.transport.is_closing():
            return
        log.info("http.refused", status=problem.status, client=self.client[0] if self.client else "")
        if not self._is_answering() or (self._in_body and not self.cycle.response_started):
            self.transport.write(self._bytes_of(problem))
        if self._is_answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _bytes_of(self, problem: Problem) -> bytes:
        response = problem.response()
        headers = [*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return b"%s%s\r\n%s" % (STATUS_LINE[problem.status], lines, response.body)

    def _cut_off(self) -> None:
        """A close would wait for the caller to read the rest."""
        log.info("http.unread", seconds=READ_SECONDS, client=self.client[0] if self.client else "")
        self.transport.abort()

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
