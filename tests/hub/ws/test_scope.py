"""For a caller of one customer the jobs of others do not exist, and a monitor sees no results, logs and previews."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from daemons.hub.api.dependencies import Hub
from daemons.hub.app import create_app
from daemons.hub.settings import HubSettings
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.session import Session
from daemons.hub.ws.texts import Texts
from daemons.outage import Outage
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.domain.caller import Role
from emp_core.store import Store
from tests.support.builders import make_caller, register, submit


class Talk:
    """A session without a socket."""

    def __init__(self, hub: Hub, role: Role, customer: str | None) -> None:
        self.outbox = Outbox()
        self.session = Session(hub, make_caller(role, customer), self.outbox, Texts(), SystemClock())

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The answer to a message."""
        await self.session.hear(json.dumps({"type": kind, "ref": "asked", **fields}))
        while (message := await self.next()).get("ref") != "asked":
            pass
        return message

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            message = json.loads(await self.outbox.take())
        assert isinstance(message, dict)
        return message


@pytest.fixture
async def hub(store: Store, artifacts: ObjectArtifacts) -> AsyncIterator[Hub]:
    hub: Hub = create_app(store, artifacts, HubSettings()).state.hub
    live = asyncio.create_task(hub.live.run(Outage()))
    await hub.live.feed.ready.wait()
    yield hub
    live.cancel()
    await asyncio.gather(live, return_exceptions=True)


@pytest.fixture
async def scoped(hub: Hub) -> AsyncIterator[Talk]:
    talk = Talk(hub, Role.CLIENT, "other")
    yield talk
    talk.session.end()


async def test_the_jobs_of_others_are_not_there(scoped: Talk, store: Store) -> None:
    await submit(store, id="theirs", customer_id="acme")
    for asked in (("get", {}), ("cancel", {}), ("subscribe", {"topic": "job"})):
        refused = await scoped.ask(asked[0], job_id="theirs", **asked[1])
        missing = await scoped.ask(asked[0], job_id="missing", **asked[1])
        assert refused["code"] == "not_found"
        assert {**refused, "error": "", "name": ""} == {**missing, "error": "", "name": ""}
    assert (await store.inspector.job("theirs")).state == "pending"


async def test_what_happens_to_the_jobs_of_others_is_not_told(scoped: Talk, store: Store) -> None:
    worker = await register(store)
    await scoped.ask("subscribe", topic="events")
    await scoped.ask("subscribe", topic="jobs")
    assert (await scoped.next())["jobs"] == []
    await submit(store, id="theirs", customer_id="acme")
    claim = await worker.take()
    await worker.report(claim, percent=10.0, lines=("secret",))
    await worker.complete(claim)
    await submit(store, id="own", customer_id="other")
    told = [await scoped.next(), await scoped.next()]
    assert {message["type"] for message in told} == {"event", "job"}
    assert "theirs" not in json.dumps(told)
    assert "acme" not in json.dumps(told)


async def test_what_concerns_all_customers_is_refused(scoped: Talk) -> None:
    for topic in ("stats", "workers"):
        assert (await scoped.ask("subscribe", topic=topic))["code"] == "forbidden"


async def test_a_job_that_it_submits_is_its_customers(scoped: Talk, store: Store) -> None:
    answer = await scoped.ask("submit", job={"service": "comfyui", "payload": {}})
    assert (await store.inspector.job(answer["id"])).customer_id == "other"
    refused = await scoped.ask("submit", job={"service": "comfyui", "payload": {}, "customer_id": "acme"})
    assert refused["code"] == "forbidden"


async def test_a_monitor_sees_states_and_no_more(hub: Hub, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    talk = Talk(hub, Role.MONITOR, None)
    for what in ("log", "preview"):
        assert (await talk.ask("subscribe", topic="job", job_id=job, **{what: True}))["code"] == "forbidden"
    await talk.ask("subscribe", topic="job", job_id=job)
    await worker.complete(await worker.take(), seed=7)
    told = [await talk.next()]
    while told[-1]["type"] != "job" or told[-1]["job"]["status"] != "completed":
        told.append(await talk.next())
    assert "seed" not in json.dumps(told)
    assert "seed" not in json.dumps(await talk.ask("get", job_id=job))
    for asked in (("submit", {"job": {"service": "comfyui"}}), ("cancel", {"job_id": job})):
        assert (await talk.ask(asked[0], **asked[1]))["code"] == "forbidden"
    talk.session.end()


async def test_a_read_only_caller_changes_nothing(hub: Hub, store: Store) -> None:
    job = await submit(store)
    talk = Talk(hub, Role.OPERATOR, None)
    talk.session._queue = hub.queue.for_caller(replace(make_caller(), read_only=True))
    assert (await talk.ask("cancel", job_id=job))["code"] == "forbidden"
    assert (await store.inspector.job(job)).state == "pending"
