"""What the event stream tells: one event a transition, with (job, gen, version), version rising by one."""

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

    @property
    def at(self) -> int:
        """ms since 1970, Redis TIME."""
        return int(self.cursor.partition("-")[0])
