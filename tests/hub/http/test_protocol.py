"""Real sockets against a hub that nobody has shown the token yet: what it reads, how long it waits, what it says."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from daemons.hub import server as hub_server
from daemons.hub.app import create_app
from daemons.hub.http import protocol
from daemons.hub.http.listening import listening
from daemons.hub.http.protocol import MAX_HEAD_BYTES, OWN_FILES
from daemons.hub.server import HubServer
from daemons.hub.settings import HubSettings
from emp_core.artifacts.contract import in_chunks
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.errors import QueueUnavailable
from emp_core.store import Store
from tests.support.waiting import wait_until

TOKEN = "correct horse battery staple"
HOST = b"Host: localhost\r\n"
BEARER = HOST + f"Authorization: Bearer {TOKEN}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"
GET = b"GET /health HTTP/1.1\r\n"

Connect = Callable[[], Awaitable["Wire"]]


class Wire:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """The next answer's status, and its head."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await self._reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
        return int(head.split(b" ")[1]), head

    async def closed(self) -> bool:
        """Whether the hub hangs up, as it is waited for."""
        return await self._reader.read() == b""

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@pytest.fixture
async def server(store: Store, artifacts: ObjectArtifacts) -> HubServer:
    return HubServer(create_app(store, artifacts, HubSettings(ws_auth_token=SecretStr(TOKEN))))


@asynccontextmanager
async def serving(server: HubServer) -> AsyncIterator[Connect]:
    wires: list[Wire] = []
    with listening(HubSettings(hub_port=0)) as sockets:
        host, port = sockets[0].getsockname()
        task = asyncio.create_task(server.serve(sockets))

        async def connect() -> Wire:
            wires.append(Wire(*await asyncio.open_connection(host, port)))
            return wires[-1]

        yield connect
        for wire in wires:
            await wire.close()
        server.stop(1)
        await task


@pytest.fixture
async def connect(server: HubServer) -> AsyncIterator[Connect]:
    async with serving(server) as connect:
        yield connect


@pytest.mark.parametrize(
    ("start", "filler", "status"),
    [(GET + HOST + b"X: ", b"a", 431), (b"GET /health?", b"a", 414), (b"\r\n", b"\r\n", 431)],
    ids=["header", "url", "empty lines"],
)
async def test_a_head_has_an_end(connect: Connect, start: bytes, filler: bytes, status: int) -> None:
    wire = await connect()
    await wire.send(start, filler * (MAX_HEAD_BYTES // len(filler)))
    told, head = await wire.answer()
    assert told == status
    assert b"application/problem+json" in head
    assert await wire.closed()


@pytest.mark.parametrize("start", [b"0\r\nX: ", b"1;x="], ids=["trailer", "chunk extension"])
async def test_what_stands_around_a_body_has_an_end(connect: Connect, start: bytes) -> None:
    wire = await connect()
    await wire.send(b"POST /api/jobs HTTP/1.1\r\n", BEARER, CHUNKED, b"Expect: 100-continue\r\n\r\n")
    assert (await wire.answer())[0] == 100
    await wire.send(start, b"a" * MAX_HEAD_BYTES)
    assert (await wire.answer())[0] == 431
    assert await wire.closed()


async def test_many_small_headers_are_as_many_bytes(connect: Connect) -> None:
    wire = await connect()
    await wire.send(GET, HOST, b"a:b\r\n" * (MAX_HEAD_BYTES // 5), b"\r\n")
    assert (await wire.answer())[0] == 431


async def test_a_large_head_and_a_body_of_many_chunks_are_read(connect: Connect) -> None:
    wire = await connect()
    await wire.send(GET, HOST, b"X: " + b"a" * (MAX_HEAD_BYTES - 200) + b"\r\n\r\n")
    assert (await wire.answer())[0] == 200
    await wire.send(b"PUT /api/jobs/large/payload HTTP/1.1\r\n", BEARER, CHUNKED, b"\r\n")
    await wire.send(b"1\r\nx\r\n" * MAX_HEAD_BYTES, b"0\r\n\r\n")
    assert (await wire.answer())[0] == 204


async def test_a_trailer_is_no_header(connect: Connect) -> None:
    wire = await connect()
    chunks = b"1\r\nx\r\n0\r\n" + BEARER.removeprefix(HOST) + b"\r\n"
    await wire.send(b"PUT /api/jobs/large/payload HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n" + chunks)  # in one piece
    assert (await wire.answer())[0] == 401


@pytest.mark.parametrize("hosts", [b"", HOST + HOST, HOST + b"host: evil.example\r\n"])
async def test_a_request_names_its_host_once(connect: Connect, hosts: bytes) -> None:
    wire = await connect()
    await wire.send(GET, hosts, b"\r\n")
    assert (await wire.answer())[0] == 400
    assert await wire.closed()


async def test_http_1_0_needs_no_host(connect: Connect) -> None:
    wire = await connect()
    await wire.send(b"GET /health HTTP/1.0\r\n\r\n")
    assert (await wire.answer())[0] == 200


@pytest.mark.parametrize("request_line", [b"nonsense\r\n\r\n", b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n"])
async def test_what_is_no_request_is_a_problem_too(connect: Connect, request_line: bytes) -> None:
    wire = await connect()
    await wire.send(request_line)
    told, head = await wire.answer()
    assert told == 400
    assert b"application/problem+json" in head


async def test_only_get_opens_a_web_socket(connect: Connect) -> None:
    wire = await connect()
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n[]"
    await wire.send(b"POST /api/jobs/abcd/cancel HTTP/1.1\r\n", BEARER, upgrade)
    assert (await wire.answer())[0] == 404


async def test_a_web_socket_with_an_origin_that_is_no_url_is_refused(connect: Connect) -> None:
    wire = await connect()
    await wire.send(
        b"GET /ws HTTP/1.1\r\n", BEARER, b"Origin: http://[\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    )
    await wire.send(b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert (await wire.answer())[0] == 403


@pytest.mark.parametrize("start", [b"", b"\r\n", b"GET /hea", GET + HOST + b"X: "])
async def test_a_head_that_does_not_end_is_not_waited_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    wire = await connect()
    await wire.send(start)
    assert await wire.closed()


@pytest.mark.parametrize("rest", [b"x", b"\r\n", b"GET /hea"])
async def test_nor_is_what_comes_after_an_answer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    length = b"Content-Length: 1000\r\n" if rest == b"x" else b""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    wire = await connect()
    await wire.send(b"GET /nothing HTTP/1.1\r\n", HOST, length, b"\r\n")
    assert (await wire.answer())[0] == 401
    await wire.send(rest)
    assert await wire.closed()


async def test_a_request_that_has_begun_takes_its_time(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    upload, idle = await connect(), await connect()
    await upload.send(b"PUT /api/jobs/large/payload HTTP/1.1\r\n", BEARER, b"Content-Length: 2\r\n\r\nx")
    assert await idle.closed()  # by now the first would have been closed too
    await upload.send(b"x")
    assert (await upload.answer())[0] == 204


async def test_connections_leave_the_hub_files_of_its_own(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "max_connections", lambda: 2)
    first, second = await connect(), await connect()
    for wire in (first, second):
        await wire.send(GET, HOST, b"\r\n")
        assert (await wire.answer())[0] == 200
    assert await (await connect()).closed()
    await first.send(GET, HOST, b"\r\n")
    assert (await first.answer())[0] == 200


@pytest.mark.parametrize(
    ("allowed", "connections"), [(20_000, 20_000 - OWN_FILES), (256, 128), (resource.RLIM_INFINITY, 1_000_000)]
)
def test_a_few_files_are_the_hub_s_own(monkeypatch: pytest.MonkeyPatch, allowed: int, connections: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    assert protocol.max_connections() == connections


async def test_a_hub_may_open_as_many_files_as_the_machine_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody(*_: str, **__: bool) -> Store:
        raise QueueUnavailable("redis_unavailable", "nobody is there")

    monkeypatch.setattr(hub_server, "START_SECONDS", 0.0)
    monkeypatch.setattr(hub_server, "open_store", nobody)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
    try:
        with pytest.raises(QueueUnavailable):
            await hub_server.run_hub(HubSettings(hub_port=0, data_dir=tmp_path), f"unix://{tmp_path}/nobody.sock")
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "start",
    [
        b"POST /api/jobs HTTP/1.1\r\n",
        b"PUT /api/jobs/large/payload HTTP/1.1\r\n",
        b"PUT /api/jobs/large/attempts/1/artifacts?name=a&kind=input HTTP/1.1\r\n",
    ],
)
async def test_who_is_cut_off_by_the_end_of_the_hub_is_told(
    server: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, start: bytes
) -> None:
    server.config.timeout_graceful_shutdown = 0
    async with serving(server) as connect:
        wire = await connect()
        await wire.send(start, BEARER, b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n")
        assert (await wire.answer())[0] == 100  # it is being read
        server.stop(1)
        told, head = await wire.answer()
        assert told == 503
        assert b"application/problem+json" in head
        assert b"retry-after: " in head.lower()
        assert await wire.closed()
    assert not [record for record in caplog.records if record.exc_info]


async def stored(artifacts: ObjectArtifacts, size: int = 16 * 1024 * 1024) -> None:
    """A file and a payload that no socket's buffers hold."""
    await artifacts.put("large", 1, "file.bin", in_chunks(b"x" * size))
    await artifacts.put_payload("large", b"x" * size)


FILES = pytest.mark.parametrize("path", [b"/api/artifacts/large/1/1", b"/api/jobs/large/payload"])


@FILES
async def test_a_download_that_is_not_read_is_cut_off(
    connect: Connect, artifacts: ObjectArtifacts, monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    monkeypatch.setattr(protocol, "READ_SECONDS", 0.1)
    await stored(artifacts)
    wire = await connect()
    with capture_logs() as logs:
        await wire.send(b"GET " + path + b" HTTP/1.1\r\n", BEARER, b"\r\n")
        await wait_until(lambda: any(line["event"] == "http.unread" for line in logs), "the hub cuts it off")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await wire.answer()


@FILES
async def test_a_download_that_is_read_slowly_is_whole(
    connect: Connect, artifacts: ObjectArtifacts, path: bytes
) -> None:
    await stored(artifacts)
    wire = await connect()
    await wire.send(b"GET " + path + b" HTTP/1.1\r\n", BEARER, b"\r\n")
    assert (await wire.answer())[0] == 200


@FILES
async def test_downloads_beyond_the_limit_are_refused_and_come_later(
    server: HubServer, connect: Connect, artifacts: ObjectArtifacts, path: bytes
) -> None:
    server._app.state.hub.downloads._places = asyncio.Semaphore(2)
    await stored(artifacts)
    wires = [await connect() for _ in range(3)]
    for wire in wires:
        await wire.send(b"GET " + path + b" HTTP/1.1\r\n", BEARER, b"\r\n")
    # Nobody reads the other two, so the one that is done is the one that was refused.
    await wait_until(lambda: server.server_state.total_requests == 1, "one is refused")
    answers = [await wire.answer() for wire in wires]
    assert sorted(status for status, _ in answers) == [200, 200, 503]
    assert [b"retry-after: " in head.lower() for status, head in answers if status == 503] == [True]
    again = await connect()
    await again.send(b"GET " + path + b" HTTP/1.1\r\n", BEARER, b"\r\n")
    assert (await again.answer())[0] == 200
