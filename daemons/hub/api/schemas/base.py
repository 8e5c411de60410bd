"""What the answers have in common."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from emp_core.domain.states import JobState

Time = str
"""RFC 3339, UTC."""

Status = JobState | Literal["corrupt"]
"""A state, or that the record of a job is damaged."""

Durability = Literal["always", "everysec", "os", "memory", "unknown"]


class Answer(BaseModel):
    """What is not known is null, so the names are always the same."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Successful(Answer):
    """What every answer has."""

    success: bool
    timestamp: Time


class Problem(BaseModel):
    """RFC 9457; some problems have members of their own, such as `field`, `limit` and `maximum`."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    """A stable word."""

    success: bool
    error: str
    """The detail, for older clients."""

    timestamp: Time
    hint: str | None = None
