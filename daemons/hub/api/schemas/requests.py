"""The bodies that callers send, as the API's document shows them; the hub reads them by its own rules."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from daemons.hub.api.bulk import MAX_ORDERED
from emp_core.client.orders import VERBS
from emp_core.domain.job import MAX_PARENTS
from emp_core.domain.labels import MAX_LABELS
from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.values import MAX_NAME_LENGTH
from emp_core.ids import ID_PATTERN

Priority = Annotated[int, Field(ge=MIN_PRIORITY, le=MAX_PRIORITY)]
Id = Annotated[str, Field(pattern=f"^{ID_PATTERN.pattern}$")]

TEXT = r"^([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*)?$"
"""No control characters, and more than spaces; or nothing at all."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ReasonBody(_Body):
    """An order."""

    reason: Annotated[str, Field(max_length=MAX_NAME_LENGTH, pattern=TEXT)] | None = None
    """Why; the audit keeps it."""


class PriorityBody(ReasonBody):
    """An order to move to another priority."""

    priority: Priority


class LimitBody(ReasonBody):
    """A new limit."""

    maximum: Annotated[int, Field(ge=0, le=10**9)]


class OrderByIds(ReasonBody):
    """An order to jobs that are named."""

    ids: Annotated[list[Id], Field(max_length=MAX_ORDERED)]
    dry_run: bool | None = None


class OrderByFilter(ReasonBody):
    """An order to all jobs that match a filter and whose state it can change."""

    where: Annotated[str, Field(min_length=1)]
    """A filter, such as `customer:acme status:pending`."""

    cursor: str | None = None
    """Of the answer before, to go on."""

    limit: Annotated[int, Field(ge=1, le=MAX_ORDERED)] | None = None
    dry_run: bool | None = None


class MoveByIds(OrderByIds):
    """An order to move jobs that are named."""

    priority: Priority


class MoveByFilter(OrderByFilter):
    """An order to move all waiting jobs that match a filter."""

    priority: Priority


BODIES: Mapping[str, tuple[Any, bool]] = {
    **{f"{verb}_jobs": (OrderByIds | OrderByFilter, True) for verb in VERBS if verb != "priority"},
    "priority_jobs": (MoveByIds | MoveByFilter, True),
    **{f"{verb}_job": (ReasonBody, False) for verb in ("cancel", "delete", "retry", "hold", "unhold", "requeue")},
    "set_priority": (PriorityBody, True),
    "set_workflow_priority": (PriorityBody, True),
    "set_limit": (LimitBody, True),
    "delete_limit": (ReasonBody, False),
    **{f"{verb}_worker": (ReasonBody, False) for verb in ("pause", "resume", "drain")},
}
"""Operation -> its JSON body, and whether it is needed."""

OF_A_JOB: Mapping[str, Mapping[str, Any]] = {
    "priority": {"minimum": MIN_PRIORITY, "maximum": MAX_PRIORITY},
    "on_lost": {"enum": ["requeue", "fail"]},
    "on_dependency_failure": {"enum": ["fail", "run"]},
    "max_failures": {"minimum": 1, "maximum": 100},
    "depends_on": {"maxItems": MAX_PARENTS},
    "labels": {"maxProperties": MAX_LABELS},
}
"""Field of a submit -> its bounds, which the types of `JobRequest` do not tell."""
