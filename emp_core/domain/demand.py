"""What waits and runs, and what the fleet offers for it: by class, customer and model. And the same of workflows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import down, obstacle
from emp_core.domain.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassDemand:
    """All waiting and running jobs with the same requirements."""

    class_id: str
    requirements: Requirements
    pending: int
    running: int
    oldest_at: int | None = None
    """The place of its oldest pending job, in ms since 1970; None if none is pending."""

    fitting: frozenset[int] = frozenset()
    """The numbers of the profiles that fit."""

    unworkable: bool = False
    at_limit: bool = False
    """Its jobs may not start now, because as many run as may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The classes with waiting or running jobs, as one read of the queue found them."""

    classes: tuple[ClassDemand, ...] = ()
    workers: tuple[Worker, ...] = ()
    """Live ones."""

    profiles: Mapping[str, int] = field(default_factory=dict[str, int])
    """Worker -> the number of its profile."""

    more_classes: int = 0
    """Classes with waiting jobs that were not read."""

    more_running: int = 0
    """Running jobs that were not read: classes of which jobs run and none wait may be missing."""

    oldest_exact: bool = True
    """False: in some classes there may be an older job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Live workers that could run some jobs, whatever they do now."""

    workers: int = 0
    slots: int = 0
    free: int = 0
    """Slots in which a worker would start a job now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Jobs that have something in common, and what is offered for them."""

    name: str
    pending: int = 0
    running: int = 0
    unworkable: int = 0
    """Pending jobs that no live worker can run."""

    at_limit: int = 0
    """Pending jobs that may not start now, because as many run as may."""

    oldest_at: int | None = None
    asks: Requirements | None = None
    """What each of its jobs asks, if they are all of one class."""

    offer: Offer = Offer()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDemand:
    """The jobs of one workflow."""

    name: str
    priority: int | None
    pending: int
    running: int
    jobs: int
    """All that are kept, those that have ended too."""

    oldest_at: int | None = None
    reserved: int = 0
    """Live workers that take its jobs only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflows:
    """The workflows that are next, that run, or that workers are reserved for."""

    workflows: tuple[WorkflowDemand, ...] = ()
    looked_at: int = 0
    """The pending jobs, the best ones of each class, of which these are the workflows."""

    exact: bool = True
    """False: more jobs wait or run, and they may be of other workflows."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Workers with one profile and the same services down."""

    services: frozenset[str]
    """Those that are not down."""

    models: frozenset[str]
    offer: Offer

    def serves(self, requirements: Requirements) -> bool:
        """Whether a service is up that can run jobs which fit the profile."""
        return not self.services.isdisjoint(requirements.services) if requirements.services else bool(self.services)


class Fleet:
    """What live workers offer. Workers that are alike are counted together."""

    def __init__(self, demand: Demand, now: int) -> None:
        alike: dict[tuple[int, frozenset[str]], list[Worker]] = {}
        for worker in demand.workers:
            # A worker that is reserved for a workflow takes no other jobs.
            if worker.id in demand.profiles and not worker.workflow:
                alike.setdefault((demand.profiles[worker.id], down(worker)), []).append(worker)
        self._kinds = [_kind(some, out, now) for (_, out), some in alike.items()]
        self._of_profile: dict[int, list[int]] = {}
        for place, (number, _) in enumerate(alike):
            self._of_profile.setdefault(number, []).append(place)
        self._offers: dict[frozenset[int], Offer] = {}
        self._with_model: dict[str, set[int]] = {}
        for place, kind in enumerate(self._kinds):
            for model in kind.models:
                self._with_model.setdefault(model, set()).add(place)

    @property
    def models(self) -> Iterable[str]:
        """All models that workers list."""
        return self._with_model

    def kinds_for(self, demand: ClassDemand) -> frozenset[int]:
        """The kinds of workers that fit a class, of whose services one is up."""
        places = (place for number in demand.fitting for place in self._of_profile.get(number, ()))
        return frozenset(place for place in places if self._kinds[place].serves(demand.requirements))

    def kinds_with(self, model: str) -> frozenset[int]:
        """The kinds of workers that list a model."""
        return frozenset(self._with_model.get(model, ()))

    def offer(self, kinds: frozenset[int]) -> Offer:
        """What the workers of some kinds offer."""
        if kinds not in self._offers:
            offers = [self._kinds[place].offer for place in kinds]
            self._offers[kinds] = Offer(
                workers=sum(each.workers for each in offers),
                slots=sum(each.slots for each in offers),
                free=sum(each.free for each in offers),
            )
        return self._offers[kinds]


def _kind(workers: Sequence[Worker], out: frozenset[str], now: int) -> _Kind:
    offered = workers[0].capabilities
    services = frozenset(offered.services) - out
    free = sum(worker.slots - len(worker.active) for worker in workers if not obstacle(worker, now))
    return _Kind(
        services=services,
        models=frozenset(model for service in services for model in offered.models.get(service, ())),
        offer=Offer(workers=len(workers), slots=sum(worker.slots for worker in workers), free=free),
    )


def by_class(demand: Demand, fleet: Fleet) -> list[Group]:
    """A group for each class."""
    return [replace(_group(each.class_id, [each], fleet), asks=each.requirements) for each in demand.classes]


def by_customer(demand: Demand, fleet: Fleet) -> list[Group]:
    """A group for each customer; its name is empty for the jobs of none."""
    found: dict[str, list[ClassDemand]] = {}
    for each in demand.classes:
        found.setdefault(each.requirements.customer_id or "", []).append(each)
    return [_group(name, classes, fleet) for name, classes in found.items()]


def by_model(demand: Demand, fleet: Fleet) -> list[Group]:
    """A group for each model that jobs need or workers list; those that jobs need are in front."""
    found: dict[str, list[ClassDemand]] = {}
    for each in demand.classes:
        for model in each.requirements.models:
            found.setdefault(model, []).append(each)
    needed = [_group(name, classes, fleet, fleet.kinds_with(name)) for name, classes in found.items()]
    others = sorted(set(fleet.models) - found.keys())
    return needed + [Group(name=name, offer=fleet.offer(fleet.kinds_with(name))) for name in others]


def _group(
    name: str,
    classes: Sequence[ClassDemand],
    fleet: Fleet,
    kinds: frozenset[int] = frozenset(),
) -> Group:
    return Group(
        name=name,
        pending=sum(each.pending for each in classes),
        running=sum(each.running for each in classes),
        unworkable=sum(each.pending for each in classes if each.unworkable),
        at_limit=sum(each.pending for each in classes if each.at_limit),
        oldest_at=min((each.oldest_at for each in classes if each.oldest_at is not None), default=None),
        offer=fleet.offer(kinds.union(*map(fleet.kinds_for, classes))),
    )


GROUPED: Mapping[str, Callable[[Demand, Fleet], list[Group]]] = {
    "classes": by_class,
    "models": by_model,
    "customers": by_customer,
}


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of jobs, those with the most pending ones first, and what was not read for them."""

    groups: Sequence[Group]
    demand: Demand


def grouped(kind: str, demand: Demand, now: int) -> Groups:
    """The groups of one kind: `classes`, `models` or `customers`."""
    groups = GROUPED[kind](demand, Fleet(demand, now))
    return Groups(sorted(groups, key=lambda group: (-group.pending, -group.running)), demand)
