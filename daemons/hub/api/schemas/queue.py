"""What is told of the queue as a whole."""

from typing import Any

from daemons.hub.api.schemas.base import Answer, Successful, Time
from daemons.hub.api.schemas.jobs import JobEvent


class Group(Answer):
    """Jobs that have something in common, and what live workers offer for them."""

    name: str
    """The class, the model or the customer; empty for the jobs of no customer."""

    pending: int
    running: int
    unworkable: int
    """Pending jobs that no live worker can run."""

    at_limit: int
    """Pending jobs that may not start now, because as many run as may."""

    oldest_at: Time | None
    """The place of the oldest pending job."""

    requirements: dict[str, Any] | None
    """Of a class: what each of its jobs needs."""

    workers: int
    """Live workers that could run them, whatever they do now."""

    slots: int
    free: int
    """Slots in which a worker would start a job now."""


class _Groups(Successful):
    more_classes: int
    """Classes with waiting jobs that were not read."""

    more_running: int
    """Running jobs that were not read: classes of which jobs run and none wait may be missing."""

    oldest_exact: bool
    """False: there may be older jobs."""


class ClassesAnswer(_Groups):
    """Kinds of jobs, by what they need."""

    classes: list[Group]


class ModelsAnswer(_Groups):
    """Models."""

    models: list[Group]


class CustomersAnswer(_Groups):
    """Customers."""

    customers: list[Group]


class Workflow(Answer):
    """A workflow."""

    name: str
    priority: int | None
    pending: int
    running: int
    jobs: int
    """All that are kept, those that have ended too."""

    oldest_at: Time | None
    reserved: int
    """Live workers that take its jobs only."""


class WorkflowsAnswer(Successful):
    """Workflows."""

    workflows: list[Workflow]
    looked_at: int
    """The pending jobs, the best ones of each class, of which these are the workflows."""

    exact: bool
    """False: more jobs wait or run, and they may be of other workflows."""


class WorkflowPriorityAnswer(Successful):
    """A workflow that was moved."""

    workflow_id: str
    priority: int
    moved: int
    """Waiting jobs that were moved."""

    message: str


class LimitsAnswer(Successful):
    """Limits."""

    limits: dict[str, int]
    """`customer:ID` or `class:ID` -> how many of its jobs may run at once."""


class LimitAnswer(Successful):
    """One limit."""

    whose: str
    maximum: int | None
    """Null: no limit."""


class Minute(Answer):
    """What the queue did in a minute."""

    at: Time
    seconds: float
    """How much of it was counted."""

    submitted: int
    retried: int
    started: int
    completed: int
    cancelled: int
    moved: int
    """Waiting jobs that another queue took over."""

    failures: dict[str, int]
    """Code -> jobs that failed for good."""

    waits: list[int]
    """How many jobs reached how many of `wait_bounds_ms` before their first start."""


class TrendAnswer(Successful):
    """The last minutes."""

    at: Time
    since: Time | None
    """When counting began; null: nothing was counted yet."""

    wait_bounds_ms: list[int]
    minutes: list[Minute]


class QueueEventsAnswer(Successful):
    """Events, oldest first."""

    events: list[JobEvent]
