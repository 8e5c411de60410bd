"""Redis Cluster moves the queue's slot to another node while jobs are submitted, claimed and completed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

import pytest

from emp_core.errors import QueueUnavailable
from emp_core.store import Store, open_store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.scenario import more_lines
from tests.support.builders import make_request, register, submit
from tests.support.clusters import SLOT, Replications, Shard, Shards
from tests.support.figures import Figure
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.redis_server import REDIS
from tests.support.snapshot import Snapshot

BOTH = pytest.mark.parametrize("program", [REDIS, "valkey"])
SUBMITTERS = 4
PAUSE_SECONDS = 0.02
"""Between two jobs of a submitter, so that the workers keep up."""


@pytest.fixture
def program() -> str:
    return "valkey"


@pytest.fixture
def cluster(replications: Replications, program: str) -> Iterator[Shards]:
    shards = replications.shards(program)
    yield shards
    found = Snapshot(shards.master().client, DEFAULT_PREFIX)
    assert leaks(found) + violations(found) == []


@pytest.fixture
async def store(cluster: Shards) -> AsyncIterator[Store]:
    opened = await open_store(cluster.url)
    yield opened
    await opened.close()


async def submitting(store: Store, history: History, over: asyncio.Event, refused: list[str]) -> None:
    """Submit until it is over, each job until it is acknowledged."""
    while not over.is_set():
        job = f"job-{len(history.attempted):05}"
        history.attempted.add(job)
        request = make_request(id=job, service="witness", payload={"seconds": 0.02})
        while True:
            try:
                await store.broker.submit(request)
            except QueueUnavailable as error:
                refused.append(error.code)
                await asyncio.sleep(0.01)
            else:
                history.acknowledged.append(job)
                break
        await asyncio.sleep(PAUSE_SECONDS)


async def more(found: Sequence[str], count: int, what: str) -> None:
    """Wait until so many have been added."""
    had = len(found)
    await eventually(lambda: len(found) >= had + count, what)


@BOTH
async def test_a_slot_that_migrates_under_load_leaves_nothing_half_written(
    cluster: Shards, store: Store, fleet: Fleet, history: History, journal: Journal, figure: Figure
) -> None:
    await fleet.start_hub()
    await fleet.start("a", "b", slots=4)
    over, refused = asyncio.Event(), list[str]()
    clients = [asyncio.create_task(submitting(store, history, over, refused)) for _ in range(SUBMITTERS)]
    await more_lines(journal, "effect", 20)
    for _ in range(3):
        cluster.begin_move()
        # Before a key has moved, with some of them here and some there, and when all are there.
        await eventually(lambda: not cluster.move_some(20), "all keys have moved")
        await more(refused, 10, "calls are refused")
        cluster.end_move()
        await more(history.acknowledged, 60, "submits go on")
        await more_lines(journal, "effect", len(journal.entries("effect")) + 60)
    over.set()
    await asyncio.gather(*clients)
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0
    assert set(refused) == {"moving"}
    figure("acknowledged jobs lost", f"{len(verdict.lost)} / {verdict.jobs} in 3 moves of the slot")
    figure("submits refused while it moved, and repeated", len(refused))


@BOTH
@pytest.mark.parametrize("moved", ["nothing", "the worker", "everything"])
async def test_a_call_while_the_slot_migrates_is_refused_before_it_writes(
    cluster: Shards, store: Store, moved: str
) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await submit(store)
    source, target = cluster.begin_move()
    if moved == "everything":
        while cluster.move_some(100):
            pass
    elif moved == "the worker":
        names = [store.link.key(f"worker:{worker.id}"), store.link.key(f"job:{job}")]
        source.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *names)
    before = [_everything(node) for node in (source, target)]
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: submit(store),
        lambda: worker.complete(claim),
        lambda: worker.claim(),
        lambda: worker.beat(claim),
        lambda: store.broker.cancel(job),
    ]
    for call in calls:
        with pytest.raises(QueueUnavailable, match="moving the queue to another node") as refused:
            await call()
        assert refused.value.code == "moving"
    assert [_everything(node) for node in (source, target)] == before
    while cluster.move_some(100):
        pass
    cluster.end_move()
    assert await worker.complete(claim) == "ok"


def _everything(node: Shard) -> dict[bytes, bytes]:
    """Each key of the queue at one node, dumped."""
    names = node.cluster("GETKEYSINSLOT", SLOT, 10_000)
    # DUMP would be refused at the node that takes the slot over.
    with node.client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.execute_command("ASKING")
            pipeline.execute_command("DUMP", name)
        return dict(zip(names, pipeline.execute()[1::2], strict=True))


async def test_an_atomic_migration_pauses_nothing(
    cluster: Shards, store: Store, fleet: Fleet, history: History, journal: Journal
) -> None:
    await fleet.start("a", "b", slots=4)
    over, refused = asyncio.Event(), list[str]()
    clients = [asyncio.create_task(submitting(store, history, over, refused)) for _ in range(SUBMITTERS)]
    await more_lines(journal, "effect", 20)
    source = cluster.master()
    target = next(node for node in cluster.masters() if node is not source)
    source.cluster("MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", target.id)
    await eventually(lambda: target.owns(SLOT), "the slot has moved")
    await more_lines(journal, "effect", len(journal.entries("effect")) + 20)
    over.set()
    await asyncio.gather(*clients)
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0
    assert refused == []
