"""R22: the master of the queue dies under load, and a replica takes over, in a Cluster and behind Sentinels.

A replica may lack the master's last writes, since emp does not wait for it: they are undone, each as a whole.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from emp_core.store import Store, open_store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.faults.fleet import Fleet
from tests.faults.history import History, Verdict
from tests.faults.journal import Journal
from tests.faults.scenario import more_lines
from tests.support.clusters import Replications, Shards, Watched, cut_off
from tests.support.figures import Figure
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.snapshot import Snapshot

SUBMITTERS = 4
PAUSE_SECONDS = 0.05


@pytest.fixture(params=["cluster", "sentinel"])
def replicated(replications: Replications, request: pytest.FixtureRequest) -> Iterator[Shards | Watched]:
    running = replications.shards() if request.param == "cluster" else replications.watched()
    yield running
    found = Snapshot(running.master().client, DEFAULT_PREFIX)
    assert leaks(found) + violations(found) == []


@pytest.fixture
async def store(replicated: Shards | Watched) -> AsyncIterator[Store]:
    opened = await open_store(replicated.url)
    yield opened
    await opened.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_r22_a_failover_under_load_loses_no_job(
    replicated: Shards | Watched,
    store: Store,
    fleet: Fleet,
    history: History,
    journal: Journal,
    how: signal.Signals,
    figure: Figure,
) -> None:
    """A master that is stopped keeps its connections open: only that it does not answer tells its clients."""
    await fleet.start("a", "b", slots=4)
    async with submitting(history):
        await more_lines(journal, "effect", 50)
        await asyncio.to_thread(replicated.fail_over, how)
        await more_lines(journal, "effect", len(journal.entries("effect")) + 50)
    undone = await submitted_again(history)
    verdict = await judged(store, history)
    figure("acknowledged jobs that the replica lacked, submitted again", f"{len(undone)} / {verdict.jobs}")
    figure("effects that were done twice", f"{verdict.duplicates} / {verdict.jobs}")


async def test_r22_what_a_replica_lacked_is_undone_as_a_whole(
    replicated: Shards | Watched, store: Store, fleet: Fleet, history: History, journal: Journal, figure: Figure
) -> None:
    await fleet.start("a", "b", slots=4)
    async with submitting(history):
        await more_lines(journal, "effect", 50)
        await asyncio.to_thread(cut_off, replicated.replica())
        known = len(history.acknowledged)
        await more_lines(journal, "effect", len(journal.entries("effect")) + 50)
        later = set(history.acknowledged[known:])
        await asyncio.to_thread(replicated.fail_over)
        await more_lines(journal, "effect", len(journal.entries("effect")) + 50)
    undone = await submitted_again(history)
    assert later <= set(undone)
    verdict = await judged(store, history)
    figure("acknowledged jobs that the replica lacked, submitted again", f"{len(undone)} / {verdict.jobs}")
    figure("effects that were done twice", f"{verdict.duplicates} / {verdict.jobs}")


@asynccontextmanager
async def submitting(history: History) -> AsyncIterator[None]:
    """Several clients submit meanwhile."""
    over = asyncio.Event()

    async def submit() -> None:
        while not over.is_set():
            await history.submit(payload={"seconds": 0.02})
            await asyncio.sleep(PAUSE_SECONDS)

    clients = [asyncio.create_task(submit()) for _ in range(SUBMITTERS)]
    yield
    over.set()
    await asyncio.gather(*clients)


async def submitted_again(history: History) -> list[str]:
    """The acknowledged jobs that are not there, submitted again under their ids, as a client does."""
    there = {job.id for job in await history.jobs(history.acknowledged)}
    undone = [job for job in history.acknowledged if job not in there]
    for job in undone:
        await history.submit(id=job, payload={"seconds": 0.02})
        history.acknowledged.pop()
    return undone


async def judged(store: Store, history: History) -> Verdict:
    """The verdict, once every job has ended: all completed, and the library is there."""
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.states == {"completed": verdict.jobs}
    assert [library.current for library in await store.link.libraries()] == [True]
    return verdict
