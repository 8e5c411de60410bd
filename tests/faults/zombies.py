"""Writes of workers that do not know that they are dead: every claim is kept, and used when it is not the last."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from emp_core.domain.outcome import Failure, Result
from emp_core.domain.worker import LIVE, Worker
from emp_core.errors import EmpError, QueueUnavailable, Refused
from emp_core.store import Life, Report, Settlement, Store, Wish, completed, failed, released
from emp_core.store.codec import fields_of, job_fields
from tests.faults.history import Stale

WATCH_SECONDS = 0.03
"""No job of the tests runs for a shorter time than three looks."""

HAUNT_SECONDS = 0.5
LIE = "written by a zombie"


@dataclass(frozen=True, slots=True)
class OldClaim:
    """A claim that somebody had."""

    worker: str
    job_id: str
    attempt: int
    nonce: str


class Zombies:
    """Watches the workers' claims, and offers writes under the old ones."""

    def __init__(self, store: Store, stale: Stale) -> None:
        self._store = store
        self._stale = stale
        self.seen: dict[str, OldClaim] = {}
        self._offered: set[tuple[str, int]] = set()
        """Claims, with the version of the job at which they were used."""

        self.at_rest = False
        """Ends `watch` and `haunt`: Python 3.11's `wait_for`, inside redis-py, would swallow a cancel now and then."""

    async def watch(self) -> None:
        """Remember claims, until at rest."""
        while not self.at_rest:
            with suppress(QueueUnavailable):
                await self.look()
            await asyncio.sleep(WATCH_SECONDS)

    async def haunt(self) -> None:
        """Offer writes every now and then, until at rest."""
        while not self.at_rest:
            with suppress(QueueUnavailable):
                await self.offer()
            await asyncio.sleep(HAUNT_SECONDS)

    async def look(self) -> None:
        """Remember the claims of now."""
        link = self._store.link
        for worker in await self._store.inspector.workers():
            held = await link.call("HGETALL", link.key(f"jobs:active:{worker.id}"))
            pairs = held.items() if isinstance(held, dict) else zip(held[::2], held[1::2], strict=True)
            for nonce, job in [(nonce.decode(), job.decode()) for nonce, job in pairs]:
                if nonce not in self.seen:
                    attempt = (await self._store.inspector.job(job)).attempt
                    self.seen[nonce] = OldClaim(worker.id, job, attempt, nonce)

    async def offer(self) -> None:
        """Write under every old claim, once for each version of its job: a result, a failure, a release, progress."""
        workers = {worker.id: worker for worker in await self._store.inspector.workers()}
        link = self._store.link
        for claim in list(self.seen.values()):
            worker = workers.get(claim.worker)
            held = await link.call("HGETALL", link.key(f"job:{claim.job_id}"))
            now = job_fields(fields_of(held))
            is_last = (now.get("attempt"), now.get("nonce")) == (str(claim.attempt), claim.nonce)
            used = (claim.nonce, int(now.get("ver", 0)))
            if worker is not None and worker.state in LIVE and now and not is_last and used not in self._offered:
                self._offered.add(used)
                await self._offer_all(claim, worker, superseded=int(now["attempt"]) > claim.attempt)

    async def _offer_all(self, claim: OldClaim, worker: Worker, *, superseded: bool) -> None:
        before = self._stale.offered
        settlements = [
            completed(claim, Result(data={"lie": LIE})),
            failed(claim, Failure(message=LIE, retryable=False)),
            released(claim, LIE),
        ]
        for settlement in settlements:
            await self._settle(worker, claim, settlement)
        report = Report(
            job_id=claim.job_id, attempt=claim.attempt, nonce=claim.nonce, percent=1, message=LIE, lines=(LIE,)
        )
        self._count(claim, "progress", (await self._store.broker.report(claim.worker, [report]))[0])
        self._stale.superseded += (self._stale.offered - before) * superseded

    async def _settle(self, worker: Worker, claim: OldClaim, settlement: Settlement) -> None:
        life = Life(worker=worker.id, boot=worker.boot, profile=worker.profile_id, lease_ms=1_000)
        try:
            turn = await self._store.broker.turn(life, worker.capabilities, Wish(), [settlement])
        except Refused:
            return
        self._count(claim, settlement.verb.value, turn.answers[0])

    def _count(self, claim: OldClaim, verb: str, answer: str) -> None:
        self._stale.offered += 1
        if answer not in ("stale", "already"):
            self._stale.accepted.append(f"{verb} of {claim}: {answer}")

    async def traces(self) -> list[str]:
        """Jobs in which something that a zombie wrote can be seen."""
        found: list[str] = []
        for job_id in {claim.job_id for claim in self.seen.values()}:
            try:
                job = await self._store.inspector.job(job_id)
                outcome = await self._store.inspector.outcome(job_id)
            except EmpError:
                continue
            seen = [str(outcome), job.message or "", *await self._store.inspector.log(job_id)]
            seen += [f"{attempt.outcome} {attempt.detail}" for attempt in await self._store.inspector.attempts(job_id)]
            if any(LIE in text for text in seen):
                found.append(job_id)
        return found
