"""The pending jobs by what they ask: which wait for how long, and which no live worker can run, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from emp_core.domain.demand import ClassDemand, Demand, Fleet, Offer
from emp_core.domain.nearest import nearest
from emp_core.domain.requirements import Requirements
from emp_core.domain.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Pending jobs of all customers that ask for the same."""

    asks: Requirements
    pending: int
    oldest_at: int
    """The place of the oldest of them, in ms since 1970."""

    offer: Offer = field(default_factory=Offer)
    """The live workers that could run them, whatever they do now, except those that are reserved for a workflow."""

    why: str = ""
    """Why no live worker can run them; empty: some can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """All pending jobs, as one read of the queue found them."""

    waiting: tuple[Need, ...] = ()
    """Jobs that some live worker can run, those that have waited for longest in front."""

    never: tuple[Need, ...] = ()
    """Jobs that no live worker can run, the most frequent kind in front."""

    more_waiting: int = 0
    """Kinds that are left out of `waiting`."""

    more_never: int = 0
    oldest_at: int | None = None
    """The place of the oldest pending job; None if none is pending."""

    exact: bool = True
    """False: more kinds of jobs wait than were read, or some wait for longer than was found."""


def backlog(demand: Demand, now: int, shown: int) -> Backlog:
    """What the demand says of pending jobs; `shown` kinds of each list."""
    fleet = Fleet(demand, now)
    waiting = _needs((each for each in demand.classes if not each.unworkable), fleet)
    never = _needs((each for each in demand.classes if each.unworkable), fleet)
    oldest_first = sorted(waiting, key=lambda need: need.oldest_at)
    most_first = sorted(never, key=lambda need: -need.pending)
    return Backlog(
        waiting=tuple(oldest_first[:shown]),
        never=tuple(replace(need, why=_why(need, demand)) for need in most_first[:shown]),
        more_waiting=max(0, len(waiting) - shown),
        more_never=max(0, len(never) - shown),
        oldest_at=min((need.oldest_at for need in [*waiting, *never]), default=None),
        exact=demand.oldest_exact and not demand.more_classes,
    )


def _needs(classes: Iterable[ClassDemand], fleet: Fleet) -> list[Need]:
    alike: dict[str, list[ClassDemand]] = {}
    for each in classes:
        if each.pending:
            alike.setdefault(_anybodys(each.requirements).canonical(), []).append(each)
    return [
        Need(
            asks=_anybodys(some[0].requirements),
            pending=sum(each.pending for each in some),
            oldest_at=min(oldest),
            offer=fleet.offer(frozenset().union(*map(fleet.kinds_for, some))),
        )
        for some in alike.values()
        if (oldest := [each.oldest_at for each in some if each.oldest_at is not None])
    ]


def _anybodys(requirements: Requirements) -> Requirements:
    return replace(requirements, customer_id=None) if requirements.customer_id else requirements


def _why(need: Need, demand: Demand) -> str:
    """Why no live worker can run the jobs of one of the customers."""
    kind = need.asks.canonical()
    alike = (each for each in demand.classes if each.unworkable and _anybodys(each.requirements).canonical() == kind)
    return why_never(next(alike).requirements, demand.workers)


def why_never(asks: Requirements, workers: Iterable[Worker]) -> str:
    """The smallest change after which one of these workers could run a job."""
    offers = {worker.profile_id: (worker.id, worker.capabilities) for worker in workers}
    miss = next(iter(nearest(asks, offers.values(), 1)), None)
    if miss is not None:
        return miss.sentence()
    return "a worker that can run them has just come" if offers else "no worker is running"
