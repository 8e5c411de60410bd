"""Why a job waits, and what a worker skips: what the queue knows, put in order. It asks the one predicate.

Three tiers: `never`, no live worker may take the job, so nothing that happens in the queue will start it; `not now`,
something else is in the way; `now`, it runs, or the next claim of a free worker takes it (see `domain.standing`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emp_core.domain.durations import duration
from emp_core.domain.job import Job
from emp_core.domain.matching import Verdict, match
from emp_core.domain.nearest import NearMiss, nearest
from emp_core.domain.policy import POLICY
from emp_core.domain.standing import (
    MOST_CLASSES,
    Line,
    Situation,
    Standing,
    Tier,
    WaitingClass,
    before,
    down,
    foremost,
    left_of,
    may_take,
    obstacle,
    only_customers,
    outages_in_words,
    standings,
)
from emp_core.domain.states import RUNNING, TERMINAL, JobState
from emp_core.domain.worker import Worker

NEAREST = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is in the way; `code` is stable."""

    code: str
    text: str
    hint: str = ""
    """A command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job is where it is."""

    job: Job
    tier: Tier | None
    """None: it has ended, or its state is not known."""

    reasons: tuple[Reason, ...]
    """The decisive one first."""

    standings: tuple[Standing, ...]
    """The fleet, the worker that takes the job first in front."""

    nearest: tuple[NearMiss, ...]
    ahead: int | None
    """Jobs that the worker at which the job is foremost takes before it; None if the job is in no line."""

    ahead_exact: bool
    """False: `ahead` is a lower bound."""

    before: tuple[WaitingClass, ...]
    """The same jobs by class, in the order of claims."""

    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A class that a worker does not take."""

    waiting: WaitingClass
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerExplanation:
    """What a worker makes of the queue."""

    worker: Worker
    reason: str
    """`free`, or why it takes nothing now."""

    outage: str
    """Its services that are down or busy, and why."""

    takes: tuple[WaitingClass, ...]
    """In the order of their best jobs: a claim takes the first job of the first class."""

    skips: tuple[Skipped, ...]
    exact: bool
    """False: more classes wait than were looked at."""


def explain(situation: Situation) -> Explanation:
    """Explain a job against the fleet."""
    job = situation.job
    ranked = standings(situation)
    fitting = [standing for standing in ranked if standing.tier is not Tier.NEVER]
    first = foremost(fitting)
    never = _waits(job) and not fitting
    reasons = _reasons(situation, fitting, first)
    return Explanation(
        job=job,
        tier=_tier(job, reasons, never),
        reasons=tuple(reasons),
        standings=tuple(ranked),
        nearest=tuple(_nearest(situation)) if never else (),
        ahead=first.ahead if first else None,
        ahead_exact=first.exact if first else True,
        before=before(situation, first.worker) if first and first.ahead else (),
        now=situation.now,
    )


def explain_worker(
    worker: Worker, line: Line, now: int, *, customers: frozenset[str] = frozenset()
) -> WorkerExplanation:
    """Explain a worker against the line of all that it could choose from; `customers`: whose jobs it runs."""
    only = only_customers(worker, {worker.id: customers})
    left = left_of(worker)
    judged = [(each, match(each.requirements, left)) for each in line.classes]
    return WorkerExplanation(
        worker=worker,
        reason=obstacle(worker, now) or "free",
        outage=outages_in_words(worker, down(worker), now),
        takes=tuple(each for each, verdict in judged if verdict.ok and may_take(worker, each, only)),
        skips=tuple(Skipped(waiting=each, verdict=verdict) for each, verdict in judged if not verdict.ok),
        exact=line.exact,
    )


def _waits(job: Job) -> bool:
    return job.state is not None and job.state not in TERMINAL and job.state not in RUNNING


def _tier(job: Job, reasons: Sequence[Reason], never: bool) -> Tier | None:
    if job.state is None or job.state in TERMINAL:
        return None
    if never:
        return Tier.NEVER
    in_the_way = any(reason.code not in ("runs", "free") for reason in reasons)
    return Tier.NOT_NOW if in_the_way else Tier.NOW


def _nearest(situation: Situation) -> Sequence[NearMiss]:
    offers = ((worker.id, worker.capabilities) for worker in situation.fleet)
    return nearest(situation.job.requirements, offers, NEAREST)


def _reasons(situation: Situation, fitting: Sequence[Standing], first: Standing | None) -> list[Reason]:
    job = situation.job
    if not _waits(job):
        return [_settled(job)]
    if not fitting:
        return [_no_worker(situation), *_own_reasons(situation)]
    next_on = next((standing for standing in fitting if standing.tier is Tier.NOW), None)
    if next_on is not None:
        return [Reason("free", f"worker {next_on.worker.id} is free and takes it with its next claim")]
    reasons = list(_own_reasons(situation))
    if job.state is JobState.PENDING:
        reasons += _queue_reasons(situation, fitting, first)
    return reasons


def _settled(job: Job) -> Reason:
    if job.state is None:
        return Reason("corrupt", "its record is damaged; the hub tries to repair it")
    if job.state in RUNNING:
        return Reason("runs", f"it runs on {job.worker}, attempt {job.attempt}")
    code = f" ({job.failure_code})" if job.failure_code else ""
    return Reason("ended", f"it has ended: {job.state}{code}", f"emp job show {job.id}")


def _no_worker(situation: Situation) -> Reason:
    if not situation.fleet:
        services = situation.job.service or situation.job.requirements.job_type
        return Reason("no_worker", "no worker is running", f"emp worker start --services {services}")
    count = len(situation.fleet)
    whole = "the only live worker cannot" if count == 1 else f"none of the {count} live workers can"
    return Reason("unworkable", f"{whole} run it")


def _own_reasons(situation: Situation) -> Iterator[Reason]:
    """What the job brings with it."""
    job, now = situation.job, situation.now
    if job.state is JobState.BLOCKED:
        waits_for = [f"{name} ({state})" for name, state in situation.parents.items() if state != "completed"]
        yield Reason("blocked", f"it waits for {', '.join(waits_for) or 'the jobs that it depends on'}")
    if job.state is JobState.PENDING and not situation.claimable and not situation.limit:
        yield Reason("expired", "its deadline has passed: the next claim, or a hub, fails it")
    if job.held:
        yield Reason("held", "an operator holds it", f"emp job unhold {job.id}")
    elif situation.awaits_room and job.due_at is not None:
        yield _lacking(situation)
        yield Reason("delayed", _no_room((job.due_at - now) / 1000))
    elif job.state is JobState.DELAYED and job.due_at is not None:
        yield Reason("delayed", _delay(job, (job.due_at - now) / 1000))


def _lacking(situation: Situation) -> Reason:
    said = "; ".join(f"{name} {words}" for name, words in situation.lacks.items())
    return Reason("lacking", f"it waits for a worker that has what it needs: {said}")


def _no_room(seconds: float) -> str:
    when = f"in {duration(seconds)}" if seconds > 0 else "with the next claim, or by a hub"
    return f"{POLICY.avoided_cap} jobs already wait for another worker, and no more may: it is offered again {when}"


def _delay(job: Job, seconds: float) -> str:
    if seconds <= 0:
        return "due now: the next claim or a hub moves it to pending"
    if job.failures:
        return f"failed {job.failures} of {job.max_failures} times, retries in {duration(seconds)}"
    return f"due in {duration(seconds)}"


def _queue_reasons(situation: Situation, fitting: Sequence[Standing], first: Standing | None) -> Iterator[Reason]:
    """What stands between a pending job and the workers that fit it."""
    if situation.limit:
        yield Reason("limit", situation.limit)
    if situation.avoided_until is not None and situation.lacks:
        yield _lacking(situation)
    elif situation.avoided_until is not None:
        seconds = max(0, situation.avoided_until - situation.now) / 1000
        names = ", ".join(situation.job.avoid)
        yield Reason("avoided", f"it waits up to {duration(seconds)} for another worker than {names}")
    if not any(standing.free for standing in fitting):
        yield Reason("not_free", _not_free(fitting))
    if first is not None and (first.ahead or not first.exact):
        yield Reason("behind", _behind(first))


def _behind(first: Standing) -> str:
    count = first.ahead or 0
    jobs = "1 job is" if count == 1 else f"{count} jobs are"
    if first.exact:
        return f"{jobs} ahead of it"
    return f"at least {jobs} ahead of it: more than {MOST_CLASSES} kinds of jobs wait, and only so many were looked at"


def _not_free(fitting: Sequence[Standing]) -> str:
    words = [standing.reason.partition(":")[0] for standing in fitting]
    if len(words) == 1:
        return f"the only worker that fits, {fitting[0].worker.id}, is not free: {fitting[0].reason}"
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"none of the {len(words)} workers that fit is free: {counts}"
