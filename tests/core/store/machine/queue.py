"""Redis and the model side by side: the same clock, and a comparison of all that each has."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar

from hypothesis import assume

from emp_core.ids import ALPHABET
from emp_core.store import Life, open_store
from emp_core.store.broker import Broker
from emp_core.store.connection import DEFAULT_PREFIX
from emp_core.store.upkeep import Upkeep
from tests.core.store.machine.clock import keep_beating, shift
from tests.core.store.machine.model import Model
from tests.core.store.machine.records import ENDED, LEASE_MS, RUNNING, Job, Key, Worker
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.redis_server import Server
from tests.support.snapshot import Snapshot

T = TypeVar("T")

TOLERANCE_MS = 4_000
MARGIN_MS = 6_000
"""Nothing falls due within this time of a call, so that it is clear what a call finds due."""

FIELDS = {
    "state": "state",
    "ver": "version",
    "gen": "gen",
    "attempt": "attempt",
    "failures": "failures",
    "losses": "losses",
    "releases": "releases",
    "score": "score",
}
"""Of the hash, and what the model calls them."""

LISTS = ("leases", "timeouts", "delayed", "expiry", "avoided.until")


class Queue:
    """A queue with nothing in it, twice."""

    def __init__(self, server: Server, runner: asyncio.Runner, counts: Counter[str]) -> None:
        self._server, self._runner = server, runner
        self._began = time.monotonic()
        self._stood_still = False
        server.client.flushall()
        self.store = self.run(open_store(server.url))
        self.store.broker = Broker(self.store.link, self.store.classes, jitter=lambda: 1.0)
        self.store.upkeep = Upkeep(self.store.link, self.store.classes, jitter=lambda: 1.0)
        self.model = Model()
        self.model.left_of = self._left_of
        self.issued: list[Key] = []
        self.counts = counts
        self.beating: Callable[[], Iterable[str]] = tuple
        """Who beats while time has to pass before a call."""

        self._drawn = 0

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        answer = self._runner.run(call)
        self._stood_still |= time.monotonic() - self._began > TOLERANCE_MS / 1000
        return answer

    @contextlib.contextmanager
    def fairly(self) -> Iterator[None]:
        """A history in which this machine stood still for seconds, so that things fell due, proves nothing."""
        try:
            yield
        except AssertionError:
            assume(not self._stood_still)
            raise
        assume(not self._stood_still)

    def close(self) -> None:
        self.run(self.store.close())

    def name(self, kind: str) -> str:
        """A new one."""
        self._drawn += 1
        return f"{kind}{ALPHABET[self._drawn // 32 % 32]}{ALPHABET[self._drawn % 32]}-{self._drawn}"

    def life(self, worker: Worker, boot: str = "") -> Life:
        return Life(
            worker=worker.id,
            boot=boot or worker.boot,
            profile=worker.capabilities.profile_id,
            lease_ms=LEASE_MS,
        )

    # -- time

    def begin(self) -> None:
        """Before a call: the model's clock is Redis's, and nothing is about to fall due."""
        self._began = time.monotonic()
        self.model.now = self.run(self.store.inspector.now_ms())
        if any(at <= self.model.now + MARGIN_MS for at in self._times()):
            self.pass_time(MARGIN_MS, self.beating())
            self.reap()
            self.begin()

    def _times(self) -> Iterator[int]:
        for job in self.model.jobs.values():
            yield from job.times.values()
        yield from (worker.until for worker in self.model.workers.values() if worker.alive)

    def pass_time(self, ms: int, beating: Iterable[str] = (), *, silent: bool = False) -> None:
        """`ms` and a little more, until nothing is about to fall due; these workers beat all the while."""
        holding = {name: [job for job in self.model.running_on(name) if job.state == "active"] for name in beating}
        while True:
            self._shift(ms, silent_ms=ms if silent else 0)
            now = self.model.now
            for name, jobs in holding.items():
                self.model.workers[name].until = now + LEASE_MS
                for job in jobs:
                    job.times["leases"] = now + LEASE_MS
            held = {name: [job.id for job in jobs] for name, jobs in holding.items()}
            self.run(keep_beating(self.store.link, now, held))
            if silent or not any(now < at <= now + MARGIN_MS for at in self._times()):
                return
            ms = MARGIN_MS

    def _shift(self, ms: int, *, silent_ms: int) -> None:
        more = {"seen_ms": silent_ms} if silent_ms else {}
        self._began = time.monotonic()
        self.model.now = self.run(shift(self.store.link, self.model.jobs, ms, **more))
        for job in self.model.jobs.values():
            job.times = {name: at - ms for name, at in job.times.items()}
            job.ends, job.ttl_at = job.ends - ms, job.ttl_at - ms
            job.stalls, job.due, job.deadline = (at and at - ms for at in (job.stalls, job.due, job.deadline))
        for worker in self.model.workers.values():
            worker.until -= ms

    def end_outage(self, ms: int) -> None:
        """What the first call after a silence does."""
        for job in self.model.jobs.values():
            if "leases" in job.times:
                job.times["leases"] += ms + LEASE_MS
        for worker in self.model.workers.values():
            worker.until += ms + LEASE_MS

    def reap(self) -> None:
        """What any hub does once a second."""
        self.run(self.store.upkeep.reap(LEASE_MS, 100))
        self.model.chores(100)

    def _left_of(self, end: str) -> set[str]:
        link = self.store.link
        found = self.run(link.call("SMEMBERS", link.key(f"job.children.left:{end}")))
        return {name.decode() for name in found}

    # -- comparison

    def compare(self) -> None:
        """Everything that Redis has against everything that the model has, and the contract's invariants."""
        found = Snapshot(self._server.client, DEFAULT_PREFIX)
        assert leaks(found) + violations(found) == []
        assert set(found.ids("job:{job}")) == set(self.model.jobs)
        for job in self.model.jobs.values():
            self._compare_job(job, found)
        for worker in self.model.workers.values():
            known = found.fields(f"worker:{worker.id}")
            assert (known["state"], known["alive"] == "1", known["boot"]) == (worker.state, worker.alive, worker.boot)
            if worker.alive:
                worker.until = _near(worker.until, found.scores("workers")[worker.id], worker.id, "until")
        self.counts["compared"] += len(self.model.jobs)

    def _compare_job(self, job: Job, found: Snapshot) -> None:
        known = found.job(job.id)
        differ = {
            field: (known.get(field, "0"), str(getattr(job, name)))
            for field, name in FIELDS.items()
            if known.get(field, "0") != str(getattr(job, name))
        }
        assert not differ, f"{job.id}: Redis and the model differ in {differ}"
        assert ("held" in known) == job.held
        assert (known.get("nonce") or None) == (job.claim.nonce if job.claim else None), job.id
        assert known.get("fin") == (f"{job.fin.attempt} {job.fin.nonce}" if job.fin else None), job.id
        assert ("began" in known) == (job.began is not None), job.id
        if job.state not in ENDED:
            assert tuple(known.get("avoid", "").split()) == job.avoid, job.id
        if job.state in RUNNING:
            assert job.claim is not None
            assert known["worker"] == job.claim.worker
            assert found.fields(f"jobs:active:{job.claim.worker}")[job.claim.nonce] == job.id
        for name in LISTS:
            self._compare_time(job, name, found.scores(name).get(job.id))
        if job.state in RUNNING:
            known["ends"] = str(int(known["claimed"]) + job.timeout)
        for field in ("ends", "stalls", "due", "ttl_at", "ttl_left", "deadline"):
            if field in known and getattr(job, field) is not None:
                setattr(job, field, _near(getattr(job, field), float(known[field]), job.id, field))

    def _compare_time(self, job: Job, name: str, at: float | None) -> None:
        assert (at is None) == (name not in job.times), f"{job.id} is {job.state}; {name}: {at}, {job.times.get(name)}"
        if at is not None:
            job.times[name] = _near(job.times[name], at, job.id, name)


def _near(predicted: int, at: float, of: str, name: str) -> int:
    """The model goes on with Redis's time, if it is what it predicted but for what the call took."""
    assert abs(at - predicted) <= TOLERANCE_MS, f"{of}: {name} is {at - predicted} ms off"
    return int(at)
