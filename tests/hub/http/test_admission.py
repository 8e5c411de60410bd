"""Costly calls take turns: some run, some wait, the rest is refused at once; light calls wait for none of them."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from daemons.hub.http import admission
from daemons.hub.http.admission import Admission
from daemons.hub.http.bodies import LARGE_BYTES
from daemons.hub.http.problems import HubBusy
from daemons.hub.settings import HubSettings
from tests.hub.conftest import Call, body_of
from tests.support.waiting import wait_until

JOB = {"service": "comfyui"}


async def test_turns_beyond_the_line_are_refused_at_once() -> None:
    lists = Admission("lists", at_once=2, waiting=3)
    go_on, running, most = asyncio.Event(), 0, 0

    async def one() -> str:
        nonlocal running, most
        async with lists.turn():
            running += 1
            most = max(most, running)
            await go_on.wait()
            running -= 1
        return "done"

    calls = [asyncio.ensure_future(one()) for _ in range(10)]
    await wait_until(lambda: sum(call.done() for call in calls) == 5, "five are refused")
    go_on.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [str] * 5 + [HubBusy] * 5
    assert most == 2
    assert await one() == "done"


async def test_a_turn_that_does_not_come_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAIT_SECONDS", 0.05)
    lists = Admission("lists", at_once=1, waiting=1)
    async with lists.turn():
        for _ in range(2):  # the place in the line is free again afterwards
            with pytest.raises(HubBusy, match=r"busy with lists \(1 at a time\)"):
                async with lists.turn():
                    pass


async def test_a_call_that_is_cancelled_while_it_waits_leaves_the_line() -> None:
    lists = Admission("lists", at_once=1, waiting=1)
    async with AsyncExitStack() as held:
        await held.enter_async_context(lists.turn())
        waiting = asyncio.ensure_future(held.enter_async_context(lists.turn()))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.TaskGroup() as tasks:
            next_one = tasks.create_task(held.enter_async_context(lists.turn()))
            await asyncio.sleep(0)
            assert not next_one.done()
            await held.aclose()


def shared(client: httpx.AsyncClient) -> Any:
    """What the routes of a client's hub share."""
    transport: Any = client._transport
    app = transport.app._app
    return app.state.hub


@pytest.fixture
def busy(calling: Call, settings: Any) -> httpx.AsyncClient:
    """A client of a hub that lets nobody wait."""
    client = calling(settings)
    for kind in ("lists", "bodies"):
        getattr(shared(client), kind)._line = 0
    return client


LISTS = ["/api/jobs", "/api/workers", "/api/jobs/abcd/events", "/api/jobs/abcd/log", "/api/jobs/abcd/explain"]


async def test_a_hub_that_is_busy_with_large_bodies_answers_reads(busy: httpx.AsyncClient) -> None:
    await busy.post("/api/jobs", json={**JOB, "id": "abcd"})
    async with AsyncExitStack() as held:
        for _ in range(8):
            await held.enter_async_context(shared(busy).bodies.turn())
        assert (await busy.get("/api/jobs/abcd")).status_code == 200
        assert (await busy.get("/api/jobs/abcd/result")).status_code == 200


async def test_a_hub_that_is_busy_with_lists_says_so_and_answers_light_calls(busy: httpx.AsyncClient) -> None:
    await busy.post("/api/jobs", json={**JOB, "id": "abcd"})
    async with AsyncExitStack() as held:
        await held.enter_async_context(shared(busy).lists.turn())
        for path in LISTS:
            refused = await busy.get(path)
            assert (refused.status_code, body_of(refused)["code"]) == (503, "hub_busy"), path
            assert "busy with lists" in body_of(refused)["detail"]
            assert int(refused.headers["retry-after"]) > 0
        assert (await busy.post("/api/jobs", json=JOB)).status_code == 201
        for path in ("/api/jobs/abcd", "/api/stats", "/health"):
            assert (await busy.get(path)).status_code == 200
    for path in LISTS:
        assert (await busy.get(path)).status_code == 200


async def test_large_bodies_take_turns_and_small_ones_do_not(busy: httpx.AsyncClient) -> None:
    large = {**JOB, "payload": {"text": "x" * LARGE_BYTES}}
    async with AsyncExitStack() as held:
        for _ in range(8):
            await held.enter_async_context(shared(busy).bodies.turn())
        for method, path, body in (("POST", "/api/jobs", large), ("PUT", "/api/jobs/abcd/payload", large)):
            refused = await busy.request(method, path, json=body)
            assert (refused.status_code, body_of(refused)["code"]) == (503, "hub_busy")
        assert (await busy.post("/api/jobs", json=JOB)).status_code == 201
    assert (await busy.post("/api/jobs", json=large)).status_code == 201


async def test_a_long_list_is_whole(hub: httpx.AsyncClient) -> None:
    await hub.post("/api/jobs", json=[JOB] * 130)
    listed = body_of(await hub.get("/api/jobs?limit=120"))
    assert (len(listed["jobs"]), listed["more"]) == (120, True)
    assert len({job["id"] for job in listed["jobs"]}) == 120


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        ("/api/jobs", 50),
        ("/api/jobs?limit=20", 20),
        ("/api/jobs?limit=1000", 1_000),
        ("/api/jobs?limit=20&service=comfyui", 20),
        ("/api/jobs?limit=20&where=priority>1", 1_000),
        ("/api/workers", 50),
    ],
)
async def test_a_list_waits_if_what_it_reads_has_room_in_the_line(calling: Call, path: str, cost: int) -> None:
    client = calling(HubSettings())
    lists = shared(client).lists
    async with lists.turn():
        lists._line = cost - 1
        assert (await client.get(path)).status_code == 503
        lists._line = cost
        waiting = asyncio.ensure_future(client.get(path))
        await wait_until(lambda: lists._waiting == cost, "it waits")
    assert (await waiting).status_code == 200
