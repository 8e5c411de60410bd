"""`python -m benchmarks.peers [--peers NAME,NAME] [--quick] [--rounds N] [--output FILE]`."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import environment, servers
from benchmarks.peers.environment import ROOT, Command, Missing, prepare
from benchmarks.peers.peers import Peer
from benchmarks.peers.process import DriverFailed
from benchmarks.peers.report import Found, as_markdown, names
from benchmarks.peers.rounds import QUICK, Size, measure
from benchmarks.peers.zombie import try_zombie
from benchmarks.table import conditions

ROUNDS = 3


def main() -> None:
    """Measure, write the table, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="Measure emp beside other queues.")
    parser.add_argument("--peers", default="", help="only these, such as bullmq,arq; ratios need bullmq-priorities")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the jobs: shows that all works")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "peers.md")
    options = parser.parse_args()
    try:
        peers = names(options.peers)
    except ValueError as error:
        parser.error(str(error))
    size = QUICK if options.quick else Size()
    found = asyncio.run(_measure(peers, size, options.rounds))
    page = as_markdown(found, _heading(size), {peer.name: _version(peer, found) for peer in peers})
    options.output.write_text(page, encoding="utf-8")
    print(page)


async def _measure(peers: list[Peer], size: Size, rounds: int) -> Found:
    found, commands = Found(), dict[str, Command]()
    for peer in peers:
        try:
            servers.version(peer.server)
            commands[peer.name] = prepare(peer)
        except Missing as missing:
            found.left_out[peer.name] = str(missing)
            print(f"{peer.name}: left out: {missing}", file=sys.stderr)
    for number in range(1, rounds + 1):
        found.rounds.append({})
        for peer in _there(peers, found):
            with _failure_left_out(peer, found):
                figures = found.rounds[-1][peer.name] = await measure(peer, commands[peer.name], size)
                told = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
                print(f"round {number} of {rounds}: {peer.name}: {told}", file=sys.stderr)

    async def find_zombie(peer: Peer) -> None:
        with _failure_left_out(peer, found):
            found.zombies[peer.name] = await try_zombie(peer, commands[peer.name])
            print(f"{peer.name}: {found.zombies[peer.name]}", file=sys.stderr)

    # They mostly wait, and nothing is measured any more.
    await asyncio.gather(*map(find_zombie, _there(peers, found)))
    return found


def _there(peers: list[Peer], found: Found) -> list[Peer]:
    return [peer for peer in peers if peer.name not in found.left_out]


@contextmanager
def _failure_left_out(peer: Peer, found: Found) -> Iterator[None]:
    """A peer whose driver fails costs the others nothing."""
    try:
        yield
    except (DriverFailed, TimeoutError) as failure:
        found.left_out[peer.name] = "its driver failed"
        print(f"{peer.name}: left out: {str(failure) or 'its driver did not answer in time'}", file=sys.stderr)


def _version(peer: Peer, found: Found) -> str:
    """Of the peer; if it is a server, then of the server and of the client's library."""
    version = environment.version(peer)
    if peer.server == "redis" or peer.name in found.left_out:
        return version
    return f"{servers.version(peer.server)}, {peer.distribution} {version}"


def _heading(size: Size) -> str:
    jobs = f"{size.one:,} jobs one by one, {size.fifty:,} 50 at a time, {size.bulk:,} drained, {size.wakes} wake-ups"
    where = conditions(f"redis {servers.version('redis')}", "TCP", "uvloop")
    quick = "\n\n**A quick run: it shows that everything works, and its figures mean little.**" if size is QUICK else ""
    return f"{where} · {jobs}{quick}"


if __name__ == "__main__":
    main()
