"""One job with all that is shown of it and not in lists."""

from contextlib import AbstractAsyncContextManager

import pytest

from emp_core.store import Store
from emp_core.store.connection import Link
from tests.support.builders import register, submit


async def test_a_pending_job_has_those_of_its_class_ahead(store: Store) -> None:
    jobs = [await submit(store) for _ in range(3)]
    more = [await store.inspector.more_of(await store.inspector.job(job)) for job in jobs]
    assert [each.ahead_in_class for each in more] == [0, 1, 2]


async def test_a_returned_job_is_not_in_the_line_of_its_class(store: Store) -> None:
    first, _ = await register(store, "gpu1:0"), await register(store, "gpu1:1")
    await submit(store)
    claim = await first.take()
    await first.release(claim)
    assert (await store.inspector.more_of(await store.inspector.job(claim.job_id))).ahead_in_class is None


async def test_a_running_job_with_all_of_it_takes_three_round_trips(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, job = await register(store), await submit(store)
    await worker.take()
    trips = 0
    connection = Link._connection

    def counted(link: Link) -> AbstractAsyncContextManager[None]:
        nonlocal trips
        trips += 1
        return connection(link)

    monkeypatch.setattr(Link, "_connection", counted)
    more = await store.inspector.more_of(await store.inspector.find(job))
    assert trips == 3
    assert (more.body, more.outcome, more.ahead_in_class) == (await store.inspector.body(job), None, None)
