"""Which worker takes a waiting job, and what it takes before: the one calculation behind `emp explain` and dry runs.

A claim gives a worker the best waiting job that it may take, so a job's standing is told worker by worker:

- A worker *may take* a job if its profile fits without the services that are down, if a returned job does not avoid
  it, and if the job belongs to what the worker is reserved for: its workflow, or, while it runs jobs of as many
  customers as it may, one of these customers. Nobody may take a job whose class or customer is at its limit.
- The jobs *ahead* of a job at a worker are those that this worker may take and that come before it in the order of
  claims. Jobs that only other workers may take do not count.
- A job starts *now* if some worker is free and has nothing ahead of it: the next claim of this worker takes the job.
- If more classes stand before a job than one explanation reads, the number is a lower bound, and the job is not said to
  start now.

All of it is as true as the moment of the read. The queue does not know which of a worker's services are full: a worker
with more slots than its service runs at once may look free and not claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.durations import duration
from emp_core.domain.job import Job
from emp_core.domain.matching import Verdict, fits, match
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker, WorkerState

MOST_CLASSES = 1_000
"""Classes that one explanation reads, in the order of claims."""


class Tier(StrEnum):
    """How far away a start is."""

    NEVER = "never"
    NOT_NOW = "not now"
    NOW = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingClass:
    """Waiting jobs that ask the same, or one returned job that avoids some workers."""

    class_id: str
    requirements: Requirements
    jobs: int
    first: str = ""
    """The id of the best of them, if it was read."""

    avoid: tuple[str, ...] = ()
    """Workers that may not take it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What stands before a job, or all that waits, in the order of claims."""

    classes: tuple[WaitingClass, ...] = ()
    exact: bool = True
    """False: there are more classes than one explanation reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that an explanation looks at, as one read of the queue found it."""

    job: Job
    fleet: Sequence[Worker]
    """Live workers."""

    now: int
    """ms since 1970."""

    line: Line = Line()
    """What stands before the job, without the classes that are at a limit."""

    lines: Mapping[str, Line] = field(default_factory=dict[str, Line])
    """The same for single profiles, by profile id, if `line` is not exact."""

    workflow_line: Line = Line()
    """The jobs of its workflow that stand before it, for workers that are reserved for this workflow."""

    customers: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Worker -> the customers of the jobs that it runs, for workers with a limit of customers."""

    parents: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it depends on -> its state."""

    limit: str = ""
    """The limit that its class is at: `customer acme may run 3 jobs at once`."""

    avoided_until: int | None = None

    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Worker that refused the job -> what it lacks: `lacks the node class 'Foo'`."""

    awaits_room: bool = False
    """A worker refused the job, and it is delayed because too many jobs wait for another worker already."""

    @property
    def claimable(self) -> bool:
        """Whether a worker that may take the job could start it now."""
        job = self.job
        expired = job.deadline is not None and job.started_at is None and job.deadline <= self.now
        return job.state is JobState.PENDING and not self.limit and not expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One worker, as one job sees it."""

    worker: Worker
    tier: Tier
    """`now`: its next claim takes the job."""

    verdict: Verdict
    reason: str
    """`free`, or what keeps it from taking the job."""

    free: bool = False
    """It would claim the job now if nothing were ahead of it."""

    claims: bool = False
    """It goes on claiming: it is free, or busy and nothing else."""

    ahead: int | None = None
    """Jobs that it takes before; None if the job is not in line for it."""

    exact: bool = True
    """False: `ahead` is a lower bound."""


Fitting = dict[tuple[str, frozenset[str], str], tuple[WaitingClass, ...]]
"""What of a line fits a kind of workers. Equal workers share it: a line has up to a thousand classes."""


def standings(situation: Situation) -> list[Standing]:
    """Every live worker as the job sees it, the one that takes the job first in front."""
    fitting: Fitting = {}
    return sorted((_standing(situation, worker, fitting) for worker in situation.fleet), key=_usefulness)


def foremost(ranked: Sequence[Standing]) -> Standing | None:
    """The worker at which the fewest jobs are ahead: of those that are free, else of those that claim, else of all."""
    for group in ([each for each in ranked if each.free], [each for each in ranked if each.claims], ranked):
        in_line = [each for each in group if each.ahead is not None]
        if in_line:
            return min(in_line, key=lambda each: (each.ahead or 0, not each.exact))
    return None


def obstacle(worker: Worker, now: int) -> str:
    """What keeps a worker from claiming at all; empty if it is free."""
    return _idleness(worker, now) or _lack_of_slots(worker)


def down(worker: Worker) -> frozenset[str]:
    """The services of a worker that are down, or busy with other clients' prompts."""
    return frozenset(name for name, state in worker.services.items() if state in ("down", "busy"))


def left_of(worker: Worker) -> Capabilities:
    """What the worker claims with: its capabilities without the services that are down, unless all of them are."""
    out = down(worker)
    some_left = out and not out >= set(worker.capabilities.services)
    return worker.capabilities.without_services(out) if some_left else worker.capabilities


def may_take(worker: Worker, waiting: WaitingClass, customers: frozenset[str] | None) -> bool:
    """Whether a worker may take jobs that fit it; `customers`: the only ones whose jobs it may take now."""
    of_customer = customers is None or waiting.requirements.customer_id in customers
    return of_customer and worker.id not in waiting.avoid


def only_customers(worker: Worker, running: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    """The only customers whose jobs a worker may take now; None: of any."""
    limit, customers = worker.max_customers, running.get(worker.id, frozenset())
    # A worker that is reserved for a workflow claims from this workflow, whatever else limits it.
    return customers if limit is not None and not worker.workflow and len(customers) >= limit else None


def _standing(situation: Situation, worker: Worker, fitting: Fitting) -> Standing:
    verdict = match(situation.job.requirements, worker.capabilities)
    if not verdict.ok:
        more = f", and {len(verdict.misses) - 1} more" if len(verdict.misses) > 1 else ""
        return Standing(worker=worker, tier=Tier.NEVER, verdict=verdict, reason=verdict.misses[0].sentence() + more)
    if worker.workflow and worker.workflow != situation.job.workflow_id:
        reason = f"reserved for workflow {worker.workflow}"
        return Standing(worker=worker, tier=Tier.NEVER, verdict=verdict, reason=reason)
    hindrance = _idleness(worker, situation.now) or _own_obstacle(situation, worker)
    busy = _lack_of_slots(worker)
    free = not hindrance and not busy
    ahead, exact = _ahead(situation, worker, fitting) if situation.job.state is JobState.PENDING else (None, True)
    starts = free and situation.claimable and ahead == 0 and exact
    return Standing(
        worker=worker,
        tier=Tier.NOW if starts else Tier.NOT_NOW,
        verdict=verdict,
        reason=hindrance or busy or "free",
        free=free,
        claims=not hindrance,
        ahead=ahead,
        exact=exact,
    )


def _idleness(worker: Worker, now: int) -> str:
    """Why a worker claims nothing, however many slots are free."""
    if worker.state is not WorkerState.READY:
        return f"{worker.state}: {worker.reason}" if worker.reason else worker.state
    if worker.is_silent(now):
        return f"silent: not seen for {duration((now - worker.beat_at) / 1000)}"
    out = down(worker)
    if out and out >= set(worker.capabilities.services):
        return outages_in_words(worker, out, now)
    return ""


def _lack_of_slots(worker: Worker) -> str:
    return f"busy: {len(worker.active)} of {worker.slots} slots" if len(worker.active) >= worker.slots else ""


def _own_obstacle(situation: Situation, worker: Worker) -> str:
    """What keeps a worker that claims from taking this job."""
    job, out = situation.job, down(worker)
    if out and not fits(job.requirements, left_of(worker)):
        return outages_in_words(worker, out, situation.now)
    if (situation.avoided_until is not None or situation.awaits_room) and worker.id in job.avoid:
        return situation.lacks.get(worker.id, "avoided: it did not finish this job before")
    customers = only_customers(worker, situation.customers)
    if customers is not None and job.customer_id not in customers:
        return f"at its limit of customers: it runs jobs of {', '.join(sorted(customers))}"
    return ""


def outages_in_words(worker: Worker, services: frozenset[str], now: int) -> str:
    """`a1111 down: no answer (for 40s), comfyui busy: works on 1 prompt of other clients (for 5s)`."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name in sorted(services, key=lambda name: (worker.services[name] == "busy", name)):
        why = worker.outages[name].why if name in worker.outages else ""
        alike.setdefault((worker.services[name], why), []).append(name)
    return ", ".join(_outage(worker, names, state, why, now) for (state, why), names in alike.items())


def _outage(worker: Worker, names: Sequence[str], state: str, why: str, now: int) -> str:
    if not why:
        state = "busy with other clients' prompts" if state == "busy" else state
        return f"{', '.join(names)} {state}"
    since = min(worker.outages[name].since for name in names)
    return f"{', '.join(names)} {state}: {why} (for {duration(max(0, now - since) / 1000)})"


def before(situation: Situation, worker: Worker, fitting: Fitting | None = None) -> tuple[WaitingClass, ...]:
    """What a worker takes before the job, in the order of claims."""
    fitting = {} if fitting is None else fitting
    kind = (worker.profile_id, down(worker), worker.workflow)
    if kind not in fitting:
        left, line = left_of(worker), _line_for(situation, worker)
        fitting[kind] = tuple(waiting for waiting in line.classes if fits(waiting.requirements, left))
    customers = only_customers(worker, situation.customers)
    return tuple(each for each in fitting[kind] if may_take(worker, each, customers))


def _ahead(situation: Situation, worker: Worker, fitting: Fitting) -> tuple[int, bool]:
    return sum(each.jobs for each in before(situation, worker, fitting)), _line_for(situation, worker).exact


def _line_for(situation: Situation, worker: Worker) -> Line:
    if worker.workflow:
        return situation.workflow_line
    if situation.line.exact:
        return situation.line
    return situation.lines.get(left_of(worker).profile_id, situation.line)


def _usefulness(standing: Standing) -> tuple[int, int, int, float, str]:
    order = (Tier.NOW, Tier.NOT_NOW, Tier.NEVER)
    rank = 2 * order.index(standing.tier) - standing.free
    return rank, standing.ahead or 0, *standing.verdict.distance, standing.worker.id
