"""The events as the dashboard reads them: each once, from the last one on."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emp_cli.tui.reads import Read
from emp_cli.tui.words import Words
from emp_core.domain.events import Event
from emp_core.domain.policy import POLICY

if TYPE_CHECKING:
    from emp_core.client.queue import Queue

KEPT = 2_000
"""Events that are kept in memory, and that one read takes of the stream."""

QUIET_SECONDS = POLICY.event_age_ms / 1000 - 60
"""The stream keeps events for longer: if the last read is not so long ago, no event left it unread for its age."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Events, the newest last."""

    events: Sequence[Event]
    looked_at: int
    """Events among which these were found."""

    dropped: int
    """Events that were found and are no longer in memory."""

    missed: tuple[int, int] | None = None
    """Between these times, in ms since 1970, there may be events that were not read: too many, or too old by then."""


@dataclass(slots=True)
class Place:
    """How far the stream was read."""

    last: Event | None = None
    read_at: float = 0
    """The loop's clock."""

    looked_at: int = 0
    dropped: int = 0
    missed: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class EventsRead(Read[Happened]):
    """The last events that have some words, and those that come.

    A read goes on from the last event of the one before: what happens while the dashboard is frozen is read afterwards.
    """

    follows = True
    gap = 0.25

    words: Words
    _found: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT))
    _place: Place = field(default_factory=Place)

    async def read(self, queue: "Queue") -> Happened:
        place, last, now = self._place, self._place.last, asyncio.get_running_loop().time()
        new = await queue.recent_events(KEPT, since=last.at) if last else []
        if last is None or last not in new:
            # It is the first read, more happened than one read takes, or Redis has no longer what was read last.
            new = await queue.recent_events(KEPT)
            self._forget_from(new)
            was_away = now - place.read_at > QUIET_SECONDS
            if last and new and (was_away or len(new) == KEPT or order_of(new[-1]) < order_of(last)):
                place.missed = (min(last.at, new[0].at), new[0].at)
        else:
            new = new[new.index(last) + 1 :]
        place.read_at = now
        if new:
            place.last = new[-1]
            place.looked_at += len(new)
        some = [event for event in new if self.words.find(texts_of(event))]
        place.dropped += max(0, len(self._found) + len(some) - KEPT)
        self._found.extend(some)
        return Happened(tuple(self._found), place.looked_at, place.dropped, place.missed)

    def _forget_from(self, new: Sequence[Event]) -> None:
        """Drop the events that the next read returns again, and those that Redis has dropped."""
        while new and self._found and order_of(self._found[-1]) >= order_of(new[0]):
            self._found.pop()


def order_of(event: Event) -> tuple[int, int]:
    """Its place in the stream."""
    at, _, number = event.cursor.partition("-")
    return int(at), int(number or 0)


def texts_of(event: Event) -> list[str]:
    """The texts in which words are looked for."""
    return [event.name, event.job, event.state, event.worker, event.customer_id, event.code, event.actor]
