"""The tables of a worker's screen: its slots, what it offers, what it makes of the queue."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from emp_cli.output.columns import JOBS, remark, service_of
from emp_cli.output.details import offer_in_words
from emp_cli.output.explanation import KIND_COLUMNS, TIER_STYLES, skipped, taken
from emp_cli.output.layout import Column, Sheet
from emp_cli.output.units import since
from emp_core.domain.durations import duration
from emp_core.domain.explain import WorkerExplanation
from emp_core.domain.folding import Kinds
from emp_core.domain.job import Job
from emp_core.domain.standing import Tier
from emp_core.domain.worker import Worker


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot, and the job in it."""

    number: int
    job_id: str = ""
    job: Job | None = None
    """None: it is free, or nothing more is known of its job."""


def slots_of(worker: Worker, running: dict[str, Job]) -> list[Slot]:
    """The slots of a worker, the busy ones first."""
    busy = [Slot(number, job_id, running.get(job_id)) for number, job_id in enumerate(worker.active, 1)]
    return busy + [Slot(number) for number in range(len(busy) + 1, worker.slots + 1)]


def _lease(job: Job, now: int) -> str:
    if job.lease_until is None:
        return ""
    return f"{duration((job.lease_until - now) / 1000)} left" if job.lease_until > now else "ended"


def _of_job(cell: "Column[Job]") -> "Column[Slot]":
    return Column(cell.name, lambda slot, now: cell.cell(slot.job, now) if slot.job else "", cell.align, shrinks=True)


SLOTS: Sheet[Slot] = Sheet(
    (
        Column("SLOT", lambda slot, now: str(slot.number), "right"),
        Column("JOB", lambda slot, now: slot.job_id or "free"),
        _of_job(Column("PROGRESS", remark)),
        _of_job(Column("RUNS", lambda job, now: since(job.claimed_at, now), "right")),
        _of_job(Column("LEASE", _lease, "right")),
        _of_job(Column("SERVICE", lambda job, now: service_of(job))),
        _of_job(Column("CUSTOMER", lambda job, now: job.customer_id or "")),
        _of_job(Column("ATTEMPT", lambda job, now: str(job.attempt), "right")),
    ),
    lambda slot: {},
    lambda slot: str(slot.number),
    {},
)


@dataclass(frozen=True, slots=True)
class Offered:
    """A thing that a worker offers."""

    name: str
    value: str
    origin: str
    """Who said so; empty if it is not known."""


def offers_of(worker: Worker) -> Iterator[Offered]:
    """What a worker offers, line by line, with each model on a line of its own."""
    info, has = worker.info, worker.capabilities
    is_told = isinstance(info.get("probed"), list)
    found, probed = _names(info.get("found")), _names(info.get("probed"))

    def origin(is_own: bool, other: str) -> str:
        return other if is_own else "declared" if is_told else ""

    for name, value in has.to_json().items():
        if name != "models":
            yield Offered(name.replace("_", " "), offer_in_words(value), origin(name in found, "found on the machine"))
    for service in has.services:
        if service not in has.models:
            yield Offered("models", "any: none are listed", service)
        for model in has.models.get(service, ()):
            yield Offered("model", model, origin(service in probed, f"listed by {service}"))


def _names(value: object) -> list[object]:
    return value if isinstance(value, list) else []


OFFERS: Sheet[Offered] = Sheet(
    (
        Column("OFFERS", lambda offered, now: offered.name),
        Column("VALUE", lambda offered, now: offered.value, shrinks=True),
        Column("ORIGIN", lambda offered, now: offered.origin, shrinks=True),
    ),
    lambda offered: {},
    lambda offered: f"{offered.name} {offered.value} {offered.origin}",
    {},
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Kinds of waiting jobs, and what the worker makes of them."""

    kinds: Kinds
    takes: bool
    place: int

    @property
    def first(self) -> str:
        """The best job of them."""
        return self.kinds.classes[0].first


def judged(explanation: WorkerExplanation) -> list[Judged]:
    """What it takes, the next first, then what it skips, the most jobs first."""
    both = [*((each, True) for each in taken(explanation)), *((each, False) for each in skipped(explanation))]
    return [Judged(kinds, takes, place) for place, (kinds, takes) in enumerate(both)]


def told_of(judged: Judged) -> Iterator[str]:
    """All that the jobs need, and why the worker skips them."""
    yield f"needs {NEEDS.cell(judged.kinds, 0)}"
    if judged.kinds.reason:
        yield judged.kinds.reason


def _of_kinds(column: "Column[Kinds]") -> "Column[Judged]":
    return Column(
        column.name,
        lambda judged, now: column.cell(judged.kinds, now),
        column.align,
        shrinks=column.shrinks,
        optional=column.optional,
    )


JOBS_WAIT, NEEDS, CUSTOMERS = KIND_COLUMNS

QUEUE: Sheet[Judged] = Sheet(
    (
        Column(
            "IT",
            lambda judged, now: "takes" if judged.takes else "skips",
            style=lambda judged: TIER_STYLES[Tier.NOW if judged.takes else Tier.NEVER],
        ),
        *map(_of_kinds, (JOBS_WAIT, NEEDS)),
        Column("WHY NOT", lambda judged, now: judged.kinds.reason, shrinks=True, optional=True),
        _of_kinds(CUSTOMERS),
    ),
    lambda judged: {},
    lambda judged: str(judged.place),
    {},
)

LAST_JOBS = replace(JOBS, columns=tuple(column for column in JOBS.columns if column.name != "WORKER"))
