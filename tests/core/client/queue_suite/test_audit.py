"""Every order is signed in its job's event and kept in the audit."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import pytest

from emp_core.client.queue import Queue
from emp_core.domain.caller import Role
from emp_core.domain.worker import WorkerState
from emp_core.errors import Conflict, Forbidden, NotFound
from emp_core.store import Store
from tests.core.client.queue_suite.conftest import seen_by
from tests.core.client.queue_suite.test_jobs import submit
from tests.support.builders import register

Order = Callable[[Queue], Awaitable[object]]

ORDERS: Mapping[str, tuple[str, Order, str, tuple[str, str]]] = {
    "cancel": ("pending", lambda queue: queue.cancel("order-1", reason="a b\n"), "cancelled", ("pending", "cancelled")),
    "retry": ("cancelled", lambda queue: queue.retry("order-1", reason="a b\n"), "retried", ("cancelled", "pending")),
    "hold": ("pending", lambda queue: queue.hold("order-1", reason="a b\n"), "held", ("pending", "held")),
    "unhold": ("held", lambda queue: queue.unhold("order-1", reason="a b\n"), "unheld", ("held", "pending")),
    "requeue": ("active", lambda queue: queue.requeue("order-1", reason="a b\n"), "requeued", ("active", "pending")),
    "priority": (
        "pending",
        lambda queue: queue.set_priority(["order-1"], 80, reason="a b\n"),
        "reprioritised",
        ("50", "80"),
    ),
    "delete": ("cancelled", lambda queue: queue.delete(["order-1"], reason="a b\n"), "deleted", ("cancelled", "gone")),
}
"""Verb -> the state before, the order, its event, what the audit says of before and after."""


async def brought_to(queue: Queue, store: Store, state: str) -> None:
    await submit(queue, id="order-1", customer_id="acme")
    if state == "active":
        await (await register(store)).take()
    elif state == "held":
        await queue.hold("order-1")
    elif state == "cancelled":
        await queue.cancel("order-1")


@pytest.mark.parametrize("verb", ORDERS)
async def test_order_to_a_job_is_signed_in_its_event_and_in_the_audit(queue: Queue, store: Store, verb: str) -> None:
    state, order, name, (before, after) = ORDERS[verb]
    await brought_to(queue, store, state)
    await order(seen_by(queue, Role.OPERATOR))
    event = next(event for event in reversed(await queue.recent_events(20)) if event.name == name)
    assert (event.job, event.customer_id, event.actor, event.request) == ("order-1", "acme", "bob", "r2")
    entry = (await queue.audit(1))[0]
    assert (entry.verb, entry.kind, entry.subject, entry.customer_id) == (verb, "job", "order-1", "acme")
    assert (entry.before, entry.after, entry.result, entry.reason) == (before, after, "done", "a b\n")
    assert (entry.role, entry.actor, entry.request) == ("operator", "bob", "r2")
    assert entry.at > 0


@pytest.mark.parametrize("verb", ["cancel", "retry", "hold", "unhold", "requeue", "priority", "delete"])
async def test_order_to_no_job_is_not_kept(queue: Queue, verb: str) -> None:
    with suppress(NotFound):
        await ORDERS[verb][1](queue)
    assert await queue.audit(10) == []


@pytest.mark.parametrize(
    ("verb", "state"), [("retry", "pending"), ("unhold", "pending"), ("requeue", "pending"), ("hold", "active")]
)
async def test_order_that_the_state_forbids_is_kept_as_refused(
    queue: Queue, store: Store, verb: str, state: str
) -> None:
    await brought_to(queue, store, state)
    with pytest.raises(Conflict):
        await ORDERS[verb][1](queue)
    (entry,) = await queue.audit(1)
    assert (entry.verb, entry.before, entry.after, entry.result) == (verb, state, state, "refused")


async def test_orders_that_change_nothing_are_kept_as_unchanged(queue: Queue, store: Store) -> None:
    await brought_to(queue, store, "held")
    await queue.hold("order-1")
    await queue.cancel("order-1")
    await queue.cancel("order-1")
    assert [(entry.verb, entry.after, entry.result) for entry in await queue.audit(3)] == [
        ("hold", "held", "unchanged"),
        ("cancel", "cancelled", "done"),
        ("cancel", "cancelled", "unchanged"),
    ]


async def test_what_follows_from_an_order_is_not_signed(queue: Queue, store: Store) -> None:
    worker = await register(store)
    await submit(queue, id="parent")
    await submit(queue, id="child", depends_on=["parent"])
    await worker.take()
    await queue.cancel("parent")
    await worker.beat()
    events = {(event.job, event.name): event for event in await queue.recent_events(20)}
    assert events["parent", "cancelling"].actor == "ada@node1"
    assert {event.actor for (_, name), event in events.items() if name in ("submitted", "claimed", "blocked")} == {""}


async def test_priority_of_a_workflow_is_one_entry_and_its_jobs_events_are_signed(queue: Queue) -> None:
    for _ in range(2):
        await submit(queue, workflow_id="w")
    await queue.set_workflow_priority("w", 70, reason="late")
    (entry,) = await queue.audit(10)
    assert (entry.verb, entry.kind, entry.subject) == ("priority", "workflow", "w")
    assert (entry.before, entry.after, entry.reason) == ("50", "70", "late")
    moved = [event for event in await queue.recent_events(10) if event.name == "reprioritised"]
    assert [event.actor for event in moved] == ["ada@node1", "ada@node1"]


@pytest.mark.parametrize(
    ("state", "verb"), [(WorkerState.PAUSED, "pause"), (WorkerState.READY, "resume"), (WorkerState.DRAINING, "drain")]
)
async def test_steering_a_worker_is_signed_and_kept(queue: Queue, store: Store, state: WorkerState, verb: str) -> None:
    await register(store)
    await queue.steer("gpu1:0", state, reason="driver update")
    event = (await queue.recent_events(1))[0]
    assert (event.name, event.worker, event.actor) == (f"worker_{state}", "gpu1:0", "ada@node1")
    (entry,) = await queue.audit(1)
    assert (entry.verb, entry.kind, entry.subject) == (verb, "worker", "gpu1:0")
    assert (entry.before, entry.after, entry.reason) == ("ready", state, "driver update")
    assert entry.result == ("unchanged" if state is WorkerState.READY else "done")


async def test_what_a_worker_says_of_itself_is_not_kept(queue: Queue, store: Store) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.DRAINING, boot=worker.life.boot)
    assert await queue.audit(10) == []
    assert (await queue.recent_events(1))[0].actor == ""


async def test_limits_are_kept(queue: Queue) -> None:
    await queue.set_limit("customer:acme", 3)
    await queue.set_limit("customer:acme", 3)
    await queue.set_limit("customer:acme", None)
    entries = await queue.audit(10)
    assert [(entry.before, entry.after, entry.result) for entry in entries] == [
        ("none", "3", "done"),
        ("3", "3", "unchanged"),
        ("3", "none", "done"),
    ]
    assert {(entry.verb, entry.kind, entry.subject) for entry in entries} == {("limit", "limit", "customer:acme")}


async def test_audit_is_read_page_by_page_oldest_first(queue: Queue) -> None:
    for maximum in range(5):
        await queue.set_limit("customer:acme", maximum)
    newest = await queue.audit(2)
    assert [entry.after for entry in newest] == ["3", "4"]
    assert [entry.after for entry in await queue.audit(2, newest[0].cursor)] == ["1", "2"]


@pytest.mark.parametrize(("role", "customer"), [(Role.CLIENT, None), (Role.OPERATOR, "acme")])
async def test_audit_is_for_operators_of_all_customers(queue: Queue, role: Role, customer: str | None) -> None:
    with pytest.raises(Forbidden, match="may not read the audit"):
        await seen_by(queue, role, customer).audit(1)
