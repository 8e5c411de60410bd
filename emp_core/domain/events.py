"""What the event stream tells, one event a transition, with (job, gen, version), version rising by one; what workers
report of running jobs; the audit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the stream."""

    cursor: str
    """Its id in the stream: `<ms>-<n>`; replay begins after it."""

    name: str
    job: str
    gen: int = 0
    version: int = 0
    state: str = ""
    worker: str = ""
    attempt: int = 0
    code: str = ""
    customer_id: str = ""
    actor: str = ""
    """Who gave the order that the event carries out; empty if it was no order."""

    request: str = ""
    """The id of the request with that order."""

    @property
    def at(self) -> int:
        """ms since 1970, Redis TIME."""
        return int(self.cursor.partition("-")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """That the worker of a running job has reported something; the job's state did not change."""

    job: str
    attempt: int
    percent: float | None
    """How far the job is; None if only its log or its preview is new."""

    message: str = ""
    preview: bool = False
    """A new preview is stored."""

    customer_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One entry of the audit: what somebody ordered, and what came of it."""

    cursor: str
    """Its id in the stream: `<ms>-<n>`."""

    verb: str
    """`cancel`, `retry`, `hold`, `unhold`, `requeue`, `priority`, `delete`, `import`, `move`, `pause`, `resume`,
    `drain`, `limit`."""

    kind: str
    """Of the subject: `job`, `workflow`, `worker` or `limit`."""

    subject: str
    before: str
    """The subject's state; of `priority` and `limit` the number, or `none`."""

    after: str
    result: str
    """`done`, `unchanged`, or `refused` because the state forbids it."""

    customer_id: str
    """Whose job it is."""

    role: str
    actor: str
    request: str
    reason: str = ""
    """What the caller said why; any text."""

    @property
    def at(self) -> int:
        """ms since 1970, Redis TIME."""
        return int(self.cursor.partition("-")[0])
