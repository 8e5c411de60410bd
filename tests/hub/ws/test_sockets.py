"""Sockets on a bad day: slow readers, a queue that is away, gaps, a hub that stops, callers without a token."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from daemons.hub.http import sockets
from daemons.hub.settings import HubSettings
from daemons.hub.ws.messages import PROTOCOL
from emp_core.store import Store, open_store
from tests.hub.conftest import Serving
from tests.hub.ws.conftest import Open, Socket
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.waiting import wait_until

TOKEN = "correct horse battery staple"
_numbers = count()


def lines() -> tuple[str, ...]:
    """New lines of a log; they make a message large."""
    return tuple(f"{next(_numbers)} " + "x" * 1_000 for _ in range(500))


async def closing_code(socket: Socket) -> int | None:
    """The code with which the hub closes it, after what it had to say."""
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while True:
                await socket.connection.recv()
    return socket.connection.close_code


async def stalled_reader(opened: Open, job: str) -> Socket:
    """A client that follows a log and stops reading."""
    socket = await opened(max_queue=1, ping_interval=None)
    await socket.follow("job", job_id=job, log=True)
    socket.connection.transport.pause_reading()
    return socket


async def test_one_that_does_not_read_is_closed_and_the_others_hear_on(
    opened: Open, serving: Serving, store: Store
) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    stalled, other = await stalled_reader(opened, job), await opened()
    cursor = (await other.follow("job", job_id=job, log=True))["cursor"]
    followers = serving.server.config.app.state.hub.live.feed._followers  # type: ignore[union-attr]
    assert len(followers) == 3

    async def let_go() -> bool:
        written = lines()
        await worker.report(claim, lines=written)
        assert (await other.next("log"))["lines"] == list(written)
        return len(followers) == 2

    await wait_until(let_go, "the hub lets go of the one that does not read")
    stalled.connection.transport.resume_reading()
    assert await closing_code(stalled) == 4408
    again = await opened()
    assert (await again.follow("job", job_id=job, after=cursor))["resumed"]


async def test_one_that_never_reads_again_is_cut_off(
    opened: Open, serving: Serving, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "READ_SECONDS", 0.1)
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await stalled_reader(opened, job)
    connections = serving.server.server_state.connections

    async def gone() -> bool:
        await worker.report(claim, lines=lines())
        return not connections

    await wait_until(gone, "the hub hangs up")


@pytest.mark.damages
async def test_after_a_gap_all_that_is_followed_is_told_anew(opened: Open, store: Store) -> None:
    job = await submit(store)
    socket = await opened()
    await socket.follow("job", job_id=job)
    await socket.follow("jobs")
    events = (await socket.follow("events"))["subscription"]
    key = store.link.key("events")
    await store.link.call("DEL", key)
    await store.link.call("XADD", key, "1-1", "e", "submitted x 0 1 pending  0  ")
    told = {message["type"]: message for message in [await socket.next("snapshot", "resync") for _ in range(3)]}
    assert told["resync"]["subscription"] == events
    assert told["snapshot"]["resync"]


async def test_a_hub_that_stops_says_so(opened: Open, serving: Serving) -> None:
    socket = await opened()
    serving.server.stop(1)
    assert await closing_code(socket) == 1012


class TestToken:
    @pytest.fixture
    def settings(self) -> HubSettings:
        return HubSettings(ws_auth_token=SecretStr(TOKEN))

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
    async def test_without_the_token_the_socket_does_not_open(self, serving: Serving, headers: dict[str, str]) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await connect(serving.url + "/ws/client/me", additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body or b"")["code"] == "unauthorized"

    async def test_with_the_token_it_does(self, opened: Open) -> None:
        socket = await opened(additional_headers={"Authorization": f"Bearer {TOKEN}"})
        assert socket.welcome["role"] == "client"

    async def test_a_web_page_sends_it_as_a_subprotocol_which_is_not_accepted(self, serving: Serving) -> None:
        word = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
        protocols: list[Any] = [PROTOCOL, f"emp.bearer.{word}"]
        async with connect(serving.url + "/ws", subprotocols=protocols, proxy=None) as connection:
            assert connection.subprotocol == PROTOCOL
            assert (await Socket(connection).greeted()).welcome["role"] == "client"

    async def test_a_subprotocol_that_is_no_token_is_refused(self, serving: Serving) -> None:
        protocols: list[Any] = [PROTOCOL, "emp.bearer.!!!"]
        with pytest.raises(InvalidStatus) as refused:
            await connect(serving.url + "/ws", subprotocols=protocols, proxy=None)
        assert refused.value.response.status_code == 401


async def test_many_sockets_come_and_go_and_leave_nothing(opened: Open, serving: Serving, store: Store) -> None:
    live = serving.server.config.app.state.hub.live  # type: ignore[union-attr]
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    for _ in range(3):
        socket = await opened()
        for topic in ("jobs", "events", "stats", "workers"):
            await socket.follow(topic)
        await socket.follow("job", job_id=job, log=True, preview=True)
        await socket.connection.close()

    def forgotten() -> bool:
        feed, jobs, reports, glance = live.feed, live.jobs, live.reports, live.glance
        left = (
            feed._all,
            feed._by_job,
            jobs._by_job,
            jobs._of_all,
            reports._jobs,
            glance._of_summary,
            glance._of_workers,
        )
        return not any(left) and len(feed._followers) == 1

    await wait_until(forgotten, "all is forgotten")


class TestOutage:
    @pytest.fixture
    def mortal(self) -> Iterator[Server]:
        server = Server("valkey", settings={"appendonly": "yes"})
        yield server
        server.close()

    @pytest.fixture
    async def store(self, mortal: Server) -> AsyncIterator[Store]:
        opened = await open_store(mortal.url)
        yield opened
        await opened.close()

    async def test_sockets_stay_and_hear_on_when_the_queue_is_back(
        self, opened: Open, store: Store, mortal: Server
    ) -> None:
        job = await submit(store)
        socket = await opened()
        await socket.follow("job", job_id=job)
        mortal.kill()
        told = await socket.next("queue")
        assert not told["available"]
        assert "Redis" in told["reason"]
        assert (await socket.ask("get", job_id=job))["code"] == "redis_unavailable"
        mortal.start()
        while not (await socket.next("queue"))["available"]:
            pass
        await store.broker.cancel(job)
        while (told := await socket.next("job", "snapshot"))["job"]["status"] != "cancelled":
            pass
