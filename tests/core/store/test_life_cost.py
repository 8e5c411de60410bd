"""How many commands of Redis the life of a job takes, one by one and ten in a call, if nothing special is going on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from emp_core.domain.outcome import Result
from emp_core.store import Claimed, Report, Store, completed
from tests.support.builders import WorkerDriver, make_request, register, submit
from tests.support.changed_library import changed_policy
from tests.support.commands import commands_so_far
from tests.support.redis_server import ANY


@pytest.fixture
def engine() -> str:
    """One is enough: what is counted here is Lua alone."""
    return ANY


MOST = {
    1: {"submit": 16, "claim": 23, "report": 5, "complete": 17},
    10: {"submit": 44, "claim": 51, "report": 32, "complete": 44},
}
"""Jobs in each call -> commands of the call."""


def _report(claim: Claimed) -> Report:
    return Report(job_id=claim.job_id, attempt=claim.attempt, nonce=claim.nonce, percent=50, stall_ms=60_000)


async def _submitted(store: Store, worker: WorkerDriver) -> Claimed:
    await submit(store)
    return await worker.take()


@pytest.mark.parametrize("many", MOST)
async def test_life_takes_no_more_commands_than_it_must(store: Store, many: int) -> None:
    found: dict[str, int] = {}

    @asynccontextmanager
    async def counted(call: str) -> AsyncIterator[None]:
        before = await commands_so_far(store)
        yield
        found[call] = await commands_so_far(store) - before

    requests = [make_request() for _ in range(many)]
    with changed_policy(chore_every_ms=3_600_000):
        worker = await register(store)
        for _ in range(2):
            await worker.complete(await _submitted(store, worker))
        await submit(store)
        async with counted("submit"):
            await store.broker.submit_many(requests)
        async with counted("claim"):
            claims = (await worker.turn(claims=many)).claimed
        await store.broker.report(worker.id, [_report(claim) for claim in claims])
        async with counted("report"):
            await store.broker.report(worker.id, [_report(claim) for claim in claims])
        async with counted("complete"):
            await worker.turn(*(completed(claim, Result(data={})) for claim in claims))
    assert {call: count for call, count in found.items() if count > MOST[many][call]} == {}
