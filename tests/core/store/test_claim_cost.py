"""What a claim costs Redis does not grow with what a worker may not take: commands are counted, never time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from emp_core.errors import EmpError
from emp_core.store import Store
from tests.support.builders import WorkerDriver, make_request, register, submit
from tests.support.changed_library import changed_policy
from tests.support.commands import calls_so_far, commands_so_far
from tests.support.redis_server import ANY

BUDGET = 50
"""Heads that one call may look at."""

QUIET = {"pick_budget": BUDGET, "chore_every_ms": 3_600_000}
"""No claim does the queue's chores, whose commands depend on the time."""

SHALLOW, DEEP = 100, 800


@pytest.fixture
def engine() -> str:
    """One is enough: what is tried here is Lua alone."""
    return ANY


Act = Callable[[], Awaitable[object]]


@dataclass
class Cost:
    """Commands of Redis inside functions, and calls of functions."""

    commands: int
    calls: int


async def _cost_of(store: Store, act: Act) -> Cost:
    commands, calls = await commands_so_far(store), await calls_so_far(store)
    await act()
    return Cost(await commands_so_far(store) - commands, await calls_so_far(store) - calls)


async def _submit_classes(store: Store, count: int, **more: object) -> None:
    """A job each of classes that only a worker can do that has `count` such things."""
    requests = [make_request(requirements={"custom": {"can": f"c{n}"}}, **more) for n in range(count)]
    for first in range(0, count, 100):
        answers = await store.broker.submit_many(requests[first : first + 100])
        assert not [answer for answer in answers if isinstance(answer, EmpError)]


Case = Callable[[Store, int], Awaitable[tuple[Act, Act]]]
"""Fills a queue to a depth; returns the first claim and one that comes later."""


async def _of_one_customer(store: Store, depth: int) -> tuple[Act, Act]:
    worker = await register(store)
    await _submit_classes(store, depth, customer_id="acme")
    jobs = [await submit(store, customer_id="acme") for _ in range(3)]

    async def take() -> None:
        assert (await worker.take(customers=("acme",))).job_id == jobs.pop(0)

    return take, take


async def _of_one_workflow(store: Store, depth: int) -> tuple[Act, Act]:
    worker = await register(store)
    await _submit_classes(store, depth, workflow_id="w")
    jobs = [await submit(store, workflow_id="w") for _ in range(3)]

    async def take() -> None:
        assert (await worker.take(workflow="w")).job_id == jobs.pop(0)

    return take, take


async def _of_a_customer_at_its_limit(store: Store, depth: int) -> tuple[Act, Act]:
    worker = await _able(store, depth)
    await store.broker.set_limit("customer:acme", 1)
    await _submit_classes(store, depth, customer_id="acme")
    running = await worker.take()

    async def find_nothing() -> None:
        assert await worker.claim() is None

    async def go_on() -> None:
        nonlocal running
        await worker.complete(running)
        running = await worker.take()
        await find_nothing()

    return find_nothing, go_on


async def _able(store: Store, depth: int) -> WorkerDriver:
    """A worker that can do all classes."""
    return await register(store, judge=True, extra={"can": [f"c{n}" for n in range(depth)]})


CASES = {
    "of one customer": _of_one_customer,
    "of one workflow": _of_one_workflow,
    "of a customer at its limit": _of_a_customer_at_its_limit,
}


async def _costs(store: Store, case: Case, depth: int) -> tuple[Cost, Cost]:
    first, later = await case(store, depth)
    cost_of_first = await _cost_of(store, first)
    await later()
    cost_of_later = await _cost_of(store, later)
    await store.link.call("FLUSHALL")
    return cost_of_first, cost_of_later


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_claim_costs_the_same_at_any_depth(store: Store, case: Case) -> None:
    with changed_policy(**QUIET):
        _, shallow = await _costs(store, case, SHALLOW)
        _, deep = await _costs(store, case, DEEP)
    assert deep == shallow


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_first_claim_goes_on_in_calls_of_bounded_cost(store: Store, case: Case) -> None:
    with changed_policy(**QUIET):
        first, _ = await _costs(store, case, DEEP)
    assert first.calls > 1
    assert first.commands / first.calls <= 20 * BUDGET
