"""The delivery contract as a small machine: one job, and what may be said to Redis about it.

Each function is one call: it takes the job as Redis has it and gives back the job afterwards, the row of the table of
transitions that was used (none: nothing changed), and the answer. `Rules` weakens it, to show what each rule is for.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from emp_core.domain.states import JobState

BLOCKED, DELAYED, PENDING = JobState.BLOCKED, JobState.DELAYED, JobState.PENDING
ACTIVE, CANCELLING = JobState.ACTIVE, JobState.CANCELLING
COMPLETED, FAILED, CANCELLED = JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED

MAX_FAILURES, MAX_LOSSES, MAX_RELEASES, MAX_GEN = 2, 2, 1, 1


class Claim(NamedTuple):
    """What a worker was given: the three parts of the fence."""

    worker: int
    attempt: int
    nonce: int


class Job(NamedTuple):
    """What Redis has; the last three are ghosts: nobody decides by them, the invariants do."""

    state: JobState | None = None
    held: bool = False
    began: bool = False
    gen: int = 0
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    releases: int = 0
    claim: Claim | None = None
    """The last one issued, until it is closed."""

    fin: Claim | None = None
    """The last claim that its holder closed."""

    closer: Claim | None = None
    """As `fin` should be."""

    owed: int = 0
    """Starts in this generation that no counter accounts for yet."""

    cancel_acknowledged: bool = False


DELETED = Job(gen=-1)
"""Its id is not used again."""


class Step(NamedTuple):
    """What came of a call."""

    job: Job
    row: str | None
    answer: str


@dataclass(frozen=True)
class Rules:
    """The contract, or a weaker one."""

    fence: Literal["claim", "attempt", "worker", "none"] = "claim"
    idempotent: bool = True
    """A write that had been applied is answered `already`."""

    cancel_wins: bool = True
    only_holders_finish: bool = True
    """A claim that somebody else closed was not applied: it is `stale`, not `already`."""

    on_lost: Literal["requeue", "fail"] = "requeue"

    @property
    def max_failures(self) -> int:
        return 1 if self.on_lost == "fail" else MAX_FAILURES


def holds(rules: Rules, job: Job, claim: Claim) -> bool:
    """Whether the fence lets a write of this claim through."""
    if rules.fence == "none":
        return job.state in (PENDING, ACTIVE, CANCELLING)
    if job.claim is None:
        return False
    if rules.fence == "worker":
        return job.claim.worker == claim.worker
    if rules.fence == "attempt":
        return job.claim.attempt == claim.attempt
    return job.claim == claim


def submit(job: Job, state: JobState) -> Step:
    return Step(job._replace(state=state), "T17" if state is BLOCKED else "T1", "ok")


def fall_due(job: Job) -> Step:
    return Step(job._replace(state=PENDING), "T2", "ok")


def unblock(job: Job, state: JobState) -> Step:
    return Step(job._replace(state=state), "T18", "ok")


def claim(job: Job, worker: int, nonce: int) -> Step:
    """The same call again gives the same job."""
    if job.state is ACTIVE and job.claim is not None and (job.claim.worker, job.claim.nonce) == (worker, nonce):
        return Step(job, None, "already")
    if job.state is not PENDING:
        return Step(job, None, "none")
    issued = Claim(worker, job.attempt + 1, nonce)
    job = job._replace(state=ACTIVE, began=True, attempt=issued.attempt, claim=issued, owed=job.owed + 1)
    return Step(job, "T3", "ok")


def beat(rules: Rules, job: Job, claim: Claim) -> Step:
    if not holds(rules, job, claim):
        return Step(job, None, "lost")
    if job.state in (CANCELLING, CANCELLED):
        return Step(job, None, "cancel")
    if job.state is ACTIVE:
        return Step(job, None, "ok")
    if job.state is PENDING:
        return Step(job._replace(state=ACTIVE, losses=job.losses - 1, owed=job.owed + 1), "T4b", "ok")
    return Step(job, None, "stale")


def settle(rules: Rules, job: Job, claim: Claim, verb: str) -> Step:
    """`complete`, `fail`, `give up` (a failure for good), `release`, `stopped` (a cancel acknowledged).

    `mismatch` and `set aside`: its backend lacks something, nothing began. The first waits for another worker; the
    second waits until fewer jobs do.
    """
    if not holds(rules, job, claim):
        return Step(job, None, "already" if rules.idempotent and job.fin == claim else "stale")
    if job.state is CANCELLING and (rules.cancel_wins or verb != "complete"):
        return Step(_close(rules, job, claim, CANCELLED), "T13", "ok" if verb == "stopped" else "cancel")
    if verb == "complete" and job.state in (ACTIVE, PENDING, CANCELLING):
        return Step(_close(rules, job, claim, COMPLETED), "T6", "ok")
    if job.state is not ACTIVE or verb == "stopped":
        return Step(job, None, "stale")
    if verb == "release":
        return Step(_released(rules, job, claim), "T8", "ok")
    if verb in ("mismatch", "set aside"):
        return Step(_refused(rules, job, claim, PENDING if verb == "mismatch" else DELAYED), "T8", "ok")
    return Step(_failed(rules, job, claim, for_good=verb == "give up"), "T7", "ok")


def _close(rules: Rules, job: Job, holder: Claim | None, state: JobState) -> Job:
    fin = holder if holder or rules.only_holders_finish else job.claim
    return job._replace(state=state, claim=None, fin=fin or job.fin, closer=holder or job.closer)


def _failed(rules: Rules, job: Job, holder: Claim | None, *, for_good: bool = False) -> Job:
    job = job._replace(failures=job.failures + 1, owed=job.owed - 1)
    over = for_good or job.failures >= rules.max_failures
    return _close(rules, job, holder, FAILED if over else DELAYED)


def _released(rules: Rules, job: Job, holder: Claim) -> Job:
    job = job._replace(releases=job.releases + 1, owed=job.owed - 1)
    over = rules.on_lost == "fail" or job.releases > MAX_RELEASES
    return _close(rules, job, holder, FAILED if over else PENDING)


def _refused(rules: Rules, job: Job, holder: Claim, state: JobState) -> Job:
    began = job.failures + job.losses + job.releases > 0
    job = job._replace(releases=job.releases + 1, owed=job.owed - 1, began=began)
    return _close(rules, job, holder, FAILED if job.releases > MAX_RELEASES else state)


def end_lease(rules: Rules, job: Job) -> Step:
    """The claim stays open, so that its holder may come back before anybody else takes the job."""
    if job.state is CANCELLING:
        return Step(_close(rules, job, None, CANCELLED), "T13", "ok")
    job = job._replace(losses=job.losses + 1, owed=job.owed - 1)
    if rules.on_lost == "fail" or job.losses >= MAX_LOSSES:
        return Step(_close(rules, job, None, FAILED), "T9", "ok")
    return Step(job._replace(state=PENDING), "T9", "ok")


def run_over(rules: Rules, job: Job) -> Step:
    """The attempt timeout, or the stall timeout."""
    return Step(_failed(rules, job, None), "T10", "ok")


def expire(job: Job) -> Step:
    return Step(job._replace(state=FAILED, held=False), "T11", "ok")


def cancel(job: Job) -> Step:
    state = CANCELLING if job.state is ACTIVE else CANCELLED
    return Step(job._replace(state=state, held=False, cancel_acknowledged=True), "T12", "ok")


def retry(job: Job) -> Step:
    """A new generation; the attempts go on counting."""
    return Step(Job(PENDING, gen=job.gen + 1, attempt=job.attempt, fin=job.fin, closer=job.closer), "T14", "ok")


def requeue(rules: Rules, job: Job) -> Step:
    job = job._replace(owed=job.owed - 1)
    return Step(_close(rules, job, None, FAILED if rules.on_lost == "fail" else PENDING), "T15", "ok")


def delete(job: Job) -> Step:
    return Step(DELETED, "T16", "ok")


def hold(rules: Rules, job: Job) -> Step:
    return Step(_close(rules, job, None, DELAYED)._replace(held=True), "T19", "ok")


def unhold(job: Job, state: JobState) -> Step:
    return Step(job._replace(state=state, held=False), "T20", "ok")


def reprioritise(job: Job) -> Step:
    return Step(job, "T21", "ok")


def unclaim(rules: Rules, job: Job) -> Step:
    """An offer that nobody took: no start, and none of the counters."""
    before = job.failures + job.losses + job.releases > 0
    job = job._replace(owed=job.owed - 1, began=before)
    return Step(_close(rules, job, None, PENDING), "T22", "ok")
