"""Why a job waits, and what a worker skips: what the queue knows, put in order. It asks the one predicate.

Three tiers: `never`, no live worker's profile fits, so nothing that happens in the queue will start the job;
`not now`, something else is in the way; `now`, it runs, or should within a second.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from emp_core.domain.job import Job
from emp_core.domain.matching import Verdict, fits, match
from emp_core.domain.nearest import NearMiss, nearest
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import RUNNING, TERMINAL, JobState
from emp_core.domain.worker import Worker, WorkerState

NEAREST = 3


class Tier(StrEnum):
    """How far away a start is."""

    NEVER = "never"
    NOT_NOW = "not now"
    NOW = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One worker, as one job sees it."""

    worker: Worker
    tier: Tier
    verdict: Verdict
    reason: str
    """`free`, or what keeps it from taking the job."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is in the way; `code` is stable."""

    code: str
    text: str
    hint: str = ""
    """A command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingClass:
    """Waiting jobs that ask the same."""

    class_id: str
    requirements: Requirements
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that an explanation looks at, as one read of the queue found it."""

    job: Job
    fleet: Sequence[Worker]
    """Live workers."""

    now: int
    """ms since 1970."""

    before: int = 0
    """Jobs of its own class that stand before it."""

    others: Sequence[WaitingClass] = ()
    """Other classes, each with the jobs that stand before it."""

    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it depends on -> its state."""

    limit: str = ""
    """The limit that its class is parked for: `customer acme may run 3 jobs at once`."""

    avoided_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a job is where it is."""

    job: Job
    tier: Tier | None
    """None: it has ended, or its state is not known."""

    reasons: tuple[Reason, ...]
    """The decisive one first."""

    standings: tuple[Standing, ...]
    """The fleet, who could take it first."""

    nearest: tuple[NearMiss, ...]
    before_in_class: int
    before_elsewhere: int
    """Jobs of other classes before it that the same workers would take."""

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

    takes: tuple[WaitingClass, ...]
    """In the order of their best jobs: the first is next."""

    skips: tuple[Skipped, ...]


def explain(situation: Situation) -> Explanation:
    """Explain a job against the fleet."""
    job = situation.job
    standings = sorted((_standing(situation, worker) for worker in situation.fleet), key=_usefulness)
    fitting = [standing for standing in standings if standing.tier is not Tier.NEVER]
    elsewhere = sum(other.jobs for other in situation.others if _competes(other, fitting))
    reasons = _reasons(situation, fitting, situation.before + elsewhere)
    never = _waits(job) and not fitting
    return Explanation(
        job=job,
        tier=_tier(job, reasons, never),
        reasons=tuple(reasons),
        standings=tuple(standings),
        nearest=tuple(_nearest(situation)) if never else (),
        before_in_class=situation.before,
        before_elsewhere=elsewhere,
        now=situation.now,
    )


def explain_worker(worker: Worker, waiting: Sequence[WaitingClass], now: int) -> WorkerExplanation:
    """Explain a worker against the classes that wait, the best head first."""
    judged = [(each, match(each.requirements, worker.capabilities)) for each in waiting]
    return WorkerExplanation(
        worker=worker,
        reason=_obstacle(worker, now) or "free",
        takes=tuple(each for each, verdict in judged if verdict.ok),
        skips=tuple(Skipped(waiting=each, verdict=verdict) for each, verdict in judged if not verdict.ok),
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


def _standing(situation: Situation, worker: Worker) -> Standing:
    job = situation.job
    verdict = match(job.requirements, worker.capabilities)
    if not verdict.ok:
        more = f", and {len(verdict.misses) - 1} more" if len(verdict.misses) > 1 else ""
        return Standing(worker=worker, tier=Tier.NEVER, verdict=verdict, reason=verdict.misses[0].sentence() + more)
    obstacle = _obstacle(worker, situation.now) or _service_obstacle(job.requirements, worker)
    if not obstacle and situation.avoided_until is not None and worker.id in job.avoid:
        obstacle = "avoided: it did not finish this job before"
    tier = Tier.NOT_NOW if obstacle else Tier.NOW
    return Standing(worker=worker, tier=tier, verdict=verdict, reason=obstacle or "free")


def _obstacle(worker: Worker, now: int) -> str:
    """What keeps a worker from claiming at all."""
    if worker.state is not WorkerState.READY:
        return f"{worker.state}: {worker.reason}" if worker.reason else worker.state
    if worker.is_silent(now):
        return f"silent: no beat for {(now - worker.beat_at) / 1000:.0f} s"
    down = _down(worker)
    if down and down >= set(worker.capabilities.services):
        return f"{', '.join(sorted(down))} down"
    if len(worker.active) >= worker.slots:
        return f"busy: {len(worker.active)} of {worker.slots} slots"
    return ""


def _service_obstacle(requirements: Requirements, worker: Worker) -> str:
    down = _down(worker)
    left = worker.capabilities.without_services(down)
    return f"{', '.join(sorted(down))} down" if down and not fits(requirements, left) else ""


def _down(worker: Worker) -> frozenset[str]:
    return frozenset(name for name, state in worker.services.items() if state == "down")


def _usefulness(standing: Standing) -> tuple[int, int, float, str]:
    order = (Tier.NOW, Tier.NOT_NOW, Tier.NEVER)
    return order.index(standing.tier), *standing.verdict.distance, standing.worker.id


def _competes(other: WaitingClass, fitting: Sequence[Standing]) -> bool:
    return any(fits(other.requirements, standing.worker.capabilities) for standing in fitting)


def _reasons(situation: Situation, fitting: Sequence[Standing], before: int) -> list[Reason]:
    job = situation.job
    if not _waits(job):
        return [_settled(job)]
    reasons = [_no_worker(situation)] if not fitting else []
    reasons += _own_reasons(situation)
    if fitting and job.state is JobState.PENDING:
        reasons += _queue_reasons(situation, fitting, before)
    return reasons


def _settled(job: Job) -> Reason:
    if job.state is None:
        return Reason("corrupt", "its record is damaged; the hub tries to repair it")
    if job.state in RUNNING:
        return Reason("runs", f"it runs on {job.worker}, attempt {job.attempt}")
    code = f" ({job.code})" if job.code else ""
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
    if job.held:
        yield Reason("held", "an operator holds it", f"emp job unhold {job.id}")
    elif job.state is JobState.DELAYED and job.due_at is not None:
        yield Reason("delayed", _delay(job, (job.due_at - now) / 1000))


def _delay(job: Job, seconds: float) -> str:
    if seconds <= 0:
        return "it is due: the next claim, or a hub, takes it up"
    why = f"it backs off after {job.failures} of {job.max_failures} failures" if job.failures else "it is not due"
    return f"{why}, for {seconds:.0f} s more"


def _queue_reasons(situation: Situation, fitting: Sequence[Standing], before: int) -> Iterator[Reason]:
    """What stands between a pending job and the workers that fit it."""
    if situation.limit:
        yield Reason("limit", situation.limit)
    if situation.avoided_until is not None:
        seconds = max(0, situation.avoided_until - situation.now) / 1000
        names = ", ".join(situation.job.avoid)
        yield Reason("avoided", f"it waits {seconds:.0f} s more for another worker than {names}")
    free = sum(each.worker.slots - len(each.worker.active) for each in fitting if each.tier is Tier.NOW)
    if not free:
        yield Reason("not_free", _not_free(fitting))
    if before and before >= free:
        jobs = "one job stands" if before == 1 else f"{before} jobs stand"
        yield Reason("behind", f"{jobs} before it")
    if free and before < free and not situation.limit and situation.avoided_until is None:
        yield Reason("free", "a worker that fits is free: it should start at once")


def _not_free(fitting: Sequence[Standing]) -> str:
    words = [standing.reason.partition(":")[0] for standing in fitting]
    if len(words) == 1:
        return f"the only worker that fits, {fitting[0].worker.id}, is not free: {fitting[0].reason}"
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"none of the {len(words)} workers that fit is free: {counts}"
