"""What each role may not do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

import pytest

from emp_core.client.queue import Queue
from emp_core.client.results import Outcome
from emp_core.domain.caller import Role
from emp_core.domain.filter import EVERY_JOB
from emp_core.domain.worker import WorkerState
from emp_core.errors import Forbidden, NotFound
from tests.core.client.queue_suite.conftest import seen_by
from tests.core.client.queue_suite.test_jobs import submit
from tests.support.builders import make_request

Call = Callable[[Queue], Awaitable[object]]


async def _bytes() -> AsyncIterator[bytes]:
    yield b"picture"


async def _read_json(queue: Queue) -> None:
    async for _ in queue.as_json(Outcome(None)):
        pass


STATES: Mapping[str, Call] = {
    "job": lambda queue: queue.job("order-1"),
    "jobs": lambda queue: queue.jobs(EVERY_JOB, limit=1),
    "events_of": lambda queue: queue.events_of("order-1"),
    "explain": lambda queue: queue.explain("order-1"),
    "workers": lambda queue: queue.workers(),
    "summary": lambda queue: queue.summary(),
    "trend": lambda queue: queue.trend(5),
    "demand": lambda queue: queue.demand(),
    "workflows": lambda queue: queue.workflows(),
    "limits": lambda queue: queue.limits(),
    "recent_events": lambda queue: queue.recent_events(1),
}
CONTENT: Mapping[str, Call] = {
    "payload": lambda queue: queue.payload("order-1"),
    "open_payload": lambda queue: queue.open_payload("order-1"),
    "outcome": lambda queue: queue.outcome("order-1"),
    "whole": lambda queue: queue.whole(Outcome(None)),
    "as_json": _read_json,
    "log": lambda queue: queue.log("order-1"),
    "attempts": lambda queue: queue.attempts("order-1"),
    "watch_preview": lambda queue: queue.watch_preview("order-1"),
    "preview_of": lambda queue: queue.preview_of("order-1"),
    "list_files": lambda queue: queue.list_files("order-1"),
    "file": lambda queue: queue.file("order-1/1/1"),
    "open_file": lambda queue: queue.open_file("order-1/1/1"),
}
ORDERS: Mapping[str, Call] = {
    "submit_many": lambda queue: queue.submit_many([make_request()]),
    "preview": lambda queue: queue.preview(make_request()),
    "put_input": lambda queue: queue.put_input("order-2", "a", _bytes(), media_type="image/png"),
    "cancel": lambda queue: queue.cancel("order-1"),
    "retry": lambda queue: queue.retry("order-1"),
    "hold": lambda queue: queue.hold("order-1"),
    "unhold": lambda queue: queue.unhold("order-1"),
    "set_priority": lambda queue: queue.set_priority(["order-1"], 1),
    "set_workflow_priority": lambda queue: queue.set_workflow_priority("w", 1),
}
CONTROLS: Mapping[str, Call] = {
    "requeue": lambda queue: queue.requeue("order-1"),
    "delete": lambda queue: queue.delete(["order-1"]),
    "steer": lambda queue: queue.steer("gpu1:0", WorkerState.PAUSED),
    "set_limit": lambda queue: queue.set_limit("customer:acme", 1),
}


@pytest.mark.parametrize("name", [*CONTENT, *ORDERS, *CONTROLS])
async def test_monitor_sees_no_content_and_gives_no_orders(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    with pytest.raises(Forbidden, match="a monitor may not"):
        await {**CONTENT, **ORDERS, **CONTROLS}[name](seen_by(queue, Role.MONITOR))
    assert (await queue.job("order-1")).state == "pending"


@pytest.mark.parametrize("name", STATES)
async def test_monitor_sees_states(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    await STATES[name](seen_by(queue, Role.MONITOR))


async def test_monitor_sees_the_place_of_a_job_and_not_its_payload(queue: Queue) -> None:
    await submit(queue, id="order-1")
    monitor = seen_by(queue, Role.MONITOR)
    more = await monitor.more_of(await monitor.job("order-1"))
    assert (more.body, more.outcome, more.ahead_in_class, more.attempts) == (b"", None, 0, ())


@pytest.mark.parametrize("name", [*ORDERS, *CONTROLS])
async def test_worker_gives_no_orders(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    with pytest.raises(Forbidden, match="a worker may not"):
        await {**ORDERS, **CONTROLS}[name](seen_by(queue, Role.WORKER))


@pytest.mark.parametrize("name", CONTROLS)
async def test_client_controls_neither_workers_nor_limits(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    with pytest.raises(Forbidden, match="a client may not"):
        await CONTROLS[name](seen_by(queue, Role.CLIENT))


CHANGES = [name for name in (*ORDERS, *CONTROLS) if name != "preview"]


@pytest.mark.parametrize("name", CHANGES)
async def test_read_only_operator_changes_nothing(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    reader = queue.for_caller(replace(queue.caller, read_only=True))
    with pytest.raises(Forbidden, match="a read-only command may not") as refusal:
        await {**ORDERS, **CONTROLS}[name](reader)
    assert "EMP_READ_ONLY" in refusal.value.hint
    assert (await queue.job("order-1")).state == "pending"


@pytest.mark.parametrize("name", [*STATES, *CONTENT, "preview"])
async def test_read_only_operator_reads_what_an_operator_reads(queue: Queue, name: str) -> None:
    await submit(queue, id="order-1")
    reader = queue.for_caller(replace(queue.caller, read_only=True))
    with suppress(NotFound):  # a job without files and result
        await {**STATES, **CONTENT, **ORDERS}[name](reader)
    assert await reader.audit(1) == await queue.audit(1)
