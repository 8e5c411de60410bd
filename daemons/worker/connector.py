"""What a connector is: the code that drives one service. It sees a job, never the queue.

An implementation lives in `connectors/`, has these four methods, and raises the errors below; everything
else it raises is a bug of its own, reported as a failed attempt blamed on the worker; but bad input and a file that
is not there (`InvalidInput`, `NotFound`) are the job's fault.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from emp_core.clock import Clock
from emp_core.domain.gpu_memory import Gpu
from emp_core.domain.outcome import Artifact, Failure, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt of one job, as the connector sees it."""

    job_id: str
    attempt: int
    service: str
    job_type: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The service request."""

    customer_id: str | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a service said about itself."""

    version: str = ""
    models: tuple[str, ...] | None = None
    """The models that it has; None if it cannot say."""

    loaded: tuple[str, ...] | None = None
    """The models that are in its memory now; None if it cannot say."""

    gpus: tuple[Gpu, ...] = ()
    """The memory of the GPUs that it uses, in their order; empty if it cannot say."""

    queue_length: int = 0
    """Requests of anybody that wait or run there."""

    busy: str = ""
    """Why it should get no job now although it is well, such as `works on 2 prompts of other clients`."""

    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])


class JobContext(Protocol):
    """What a running attempt may ask of its worker."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the attempt must stop; the connector then interrupts the service and raises `Interrupted`.

        Half a minute later the run itself is cancelled.
        """
        ...

    def progress(self, percent: float, message: str = "", node: str = "") -> None:
        """Report progress (0-100 of the whole job). Never blocks; coalesced to two a second."""
        ...

    def alive(self) -> None:
        """Say that the service still works on it, or that its queue moved, if there is no progress to report."""
        ...

    def log(self, line: str) -> None:
        """Keep a line for `emp job logs`; at most 4 KiB, at most 1,000 lines. Never blocks."""
        ...

    def preview(self, image: bytes, media_type: str) -> None:
        """Offer an intermediate picture; the latest one wins, at most one a second. Never blocks.

        One of more than 128 KiB is not shown: the worker logs it, and the dashboard says it.
        """
        ...

    async def upload(self, name: str, chunks: AsyncIterator[bytes], media_type: str, kind: str = "output") -> Artifact:
        """Store a file that the job made; `name` may have folders in front."""
        ...

    async def about(self, artifact_id: str) -> Artifact:
        """What is known of a file that the job takes. Raises `NotFound`."""
        ...

    def download(self, artifact_id: str) -> AsyncIterator[bytes]:
        """Read a file that the job takes."""
        ...

    def time_left(self) -> float:
        """Seconds until the attempt's timeout."""
        ...


class Connector(Protocol):
    """The code that drives one service."""

    service: str
    """The kind of backend, such as `comfyui`."""

    reports_progress: bool
    """Whether a long silence means that the service is stuck (the stall timeout)."""

    concurrency: int
    """Jobs that the service can have at once."""

    async def probe(self) -> Probe:
        """Ask the service how it is. Raises `ServiceDown` if it does not answer as it should."""
        ...

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        """Do the job to its end. Raises a `ConnectorError`: `ServiceDown` or `Mismatch` only if nothing was begun."""
        ...

    async def sweep(self, owned: frozenset[str]) -> int:
        """Stop what an earlier life of this worker left running in the service, `owned` job ids excepted."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a connector is built from, beside its own settings."""

    worker_id: str
    clock: Clock
    slots: int
    """How many jobs the worker runs at once."""


class ConnectorError(Exception):
    """Root of what a connector may raise."""


class JobFailed(ConnectorError):
    """The attempt failed; the failure says whether another try can help, and whether job or worker is at fault."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ServiceDown(ConnectorError):
    """The service cannot take work now and nothing was begun: the job goes back at no cost to it."""


class ServiceBusy(ServiceDown):
    """The service is well, but works for others: the worker claims nothing for it until a probe finds it free."""


class StillRunning(JobFailed):
    """The attempt failed, and the service goes on with it: it gets no other job until a probe finds it free."""


class Mismatch(ConnectorError):
    """The service lacks something that the job needs, and nothing was begun: the job goes to other workers.

    The message names what is lacking, such as `the node class 'Foo'`.
    """


class Interrupted(ConnectorError):
    """The attempt stopped because `cancelled` was set, and the service no longer works on it."""

    def __init__(self, message: str = "interrupted", late_result: Result | None = None) -> None:
        super().__init__(message)
        self.late_result = late_result
