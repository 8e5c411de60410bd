"""What is told of the hub itself, but for its health."""

from typing import Literal

from daemons.hub.api.schemas.base import Answer, Durability, Successful, Time
from emp_core.domain.caller import Role
from emp_core.domain.states import JobState


class ReadyCheck(Answer):
    """What was looked at."""

    state: Literal["ok", "failed"]
    code: str
    """`ok`, or a stable word for what is wrong, such as `redis_unavailable`."""

    reason: str


class ReadyAnswer(Answer):
    """Whether the hub can take jobs and files now."""

    ready: bool
    checks: dict[str, ReadyCheck]
    """`redis`: it answers and takes writes; `files`: a file was written and read back."""

    version: str
    timestamp: Time


class VersionAnswer(Successful):
    """Versions."""

    name: str
    version: str
    api_version: str
    """The same, for older clients."""

    protocols: dict[str, str]
    """Protocol -> version, which rises when an earlier client would no longer understand it."""

    engine: str
    engine_version: str


class CapabilitiesAnswer(Successful):
    """What the hub can do."""

    version: str
    protocols: dict[str, str]
    submit_media_types: list[str]
    job_types: dict[str, list[str]]
    """Job type -> the services that run it, for jobs that name only the type."""

    services: list[str]
    """All of these; a worker may offer others."""

    states: list[JobState]
    orders: list[str]
    """`POST /api/jobs/{order}` for many jobs."""

    durability: Durability
    role: Role
    """What the caller may do."""

    limits: dict[str, int | float]
