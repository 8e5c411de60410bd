"""Runs one peer once."""

import statistics
from dataclasses import dataclass

from benchmarks.peers.driving import Order
from benchmarks.peers.environment import Command
from benchmarks.peers.measures import Figures
from benchmarks.peers.peers import Peer
from benchmarks.peers.process import ask, driver
from benchmarks.peers.servers import PeersServer, running

WARM_UP = 10
"""The first jobs of a process, which are not timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a round measures."""

    one: int = 5_000
    fifty: int = 10_000
    bulk: int = 20_000
    """Also what is drained."""

    wakes: int = 200


QUICK = Size(one=300, fifty=500, bulk=1_000, wakes=50)


async def measure(peer: Peer, command: Command, size: Size) -> Figures:
    """All figures of a peer; each part has a server of its own."""
    figures = Figures()
    for how, jobs in (("one", size.one), ("fifty", size.fifty)):
        with running(peer.server) as server:
            figures[how] = await _submit(peer, command, server, how, jobs)
    with running(peer.server) as server:
        figures |= await _lives(peer, command, server, size.bulk)
    with running(peer.server) as server:
        figures |= await _wakes(peer, command, server, size.wakes)
    return figures


async def _submit(peer: Peer, command: Command, server: PeersServer, how: str, jobs: int) -> float:
    """Jobs a second."""
    order = Order(do="submit", url=server.url, how=how, jobs=jobs, warm_up=WARM_UP, priorities=peer.priorities)
    return float(jobs / (await ask(command, order))["seconds"])


async def _lives(peer: Peer, command: Command, server: PeersServer, jobs: int) -> Figures:
    """Submit jobs in bulk, or 50 at a time where there is no such call, then drain them."""
    figures = Figures()
    # What a peer stores once, such as its scripts, is no part of a job.
    await ask(command, Order(do="submit", url=server.url, jobs=1, priorities=peer.priorities))
    memory, processor = server.used_bytes(), server.processor_seconds()
    rate = await _submit(peer, command, server, "bulk" if peer.bulk else "fifty", jobs)
    if peer.bulk:
        figures["bulk"] = rate
    stored, after = jobs + WARM_UP, server.used_bytes()
    if memory is not None and after is not None:
        figures["bytes"] = (after - memory) / stored
    async with driver(command, Order(do="work", url=server.url, jobs=stored + 1)) as worker:
        await worker.answer()
        figures["drain"] = stored / (await worker.answer())["seconds"]
    figures["server_us"] = (server.processor_seconds() - processor) / stored * 1e6
    return figures


async def _wakes(peer: Peer, command: Command, server: PeersServer, samples: int) -> Figures:
    """How long a job waits for an idle worker, one job each 20 ms."""
    first = Order(do="submit", url=server.url, jobs=1, priorities=peer.priorities)
    paced = Order(do="submit", url=server.url, jobs=samples + WARM_UP, how="paced", priorities=peer.priorities)
    work = Order(do="work", url=server.url, jobs=samples + WARM_UP + 1, waits=True)
    async with driver(command, work) as worker:
        await ask(command, first)
        await worker.answer()
        await ask(command, paced)
        waits = (await worker.answer())["waits_ms"][WARM_UP + 1 :]
    cuts = statistics.quantiles(waits, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}
