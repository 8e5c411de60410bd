"""`EventBus`: the stream of transitions, read from a cursor on. Writing it is the scripts' business."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emp_core.domain.events import Event
from emp_core.store.connection import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a read of the stream brought."""

    events: tuple[Event, ...]
    cursor: str
    """Go on from here."""

    resync: bool = False
    """The cursor is older than the stream, or from the future (a failover): read the state again."""


class EventBus:
    """Reads the stream. Blocking reads need a link of their own."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def latest(self) -> str:
        """The cursor of now."""
        newest = await self._link.call("XREVRANGE", self._link.key("events"), "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else "0-0"

    async def after(self, cursor: str, *, count: int = 1_000, block_ms: int | None = None) -> Batch:
        """The events after a cursor, waiting for the first where there is none yet."""
        if await self._is_lost(cursor):
            return Batch(events=(), cursor=await self.latest(), resync=True)
        waiting = () if block_ms is None else ("BLOCK", block_ms)
        answer = await self._link.call("XREAD", "COUNT", count, *waiting, "STREAMS", self._link.key("events"), cursor)
        entries = _entries(answer)
        events = tuple(_event_of(entry_id.decode(), fields) for entry_id, fields in entries)
        return Batch(events=events, cursor=events[-1].cursor if events else cursor)

    async def _is_lost(self, cursor: str) -> bool:
        if cursor == "0-0":
            return False
        key = self._link.key("events")
        oldest, newest = await self._link.read_many(
            [("XRANGE", key, "-", "+", "COUNT", 1), ("XREVRANGE", key, "+", "-", "COUNT", 1)]
        )
        if not newest:
            return True
        return _order(cursor) > _order(newest[0][0].decode()) or _order(cursor) < _before(oldest[0][0].decode())

    async def recent(self, count: int) -> list[Event]:
        """The newest events, oldest first."""
        entries = await self._link.call("XREVRANGE", self._link.key("events"), "+", "-", "COUNT", count)
        return [_event_of(entry_id.decode(), fields) for entry_id, fields in reversed(entries)]

    async def of_job(self, job_id: str, *, look_at: int = 20_000) -> list[Event]:
        """A job's kept events, oldest first; looks through the newest `look_at` of the stream."""
        found: list[Event] = []
        newest = "+"
        while look_at > 0:
            entries = await self._link.call("XREVRANGE", self._link.key("events"), newest, "-", "COUNT", 1_000)
            events = [_event_of(entry_id.decode(), fields) for entry_id, fields in entries]
            found += [event for event in events if event.job == job_id]
            if len(entries) < 1_000 or any(event.version == 1 and event.job == job_id for event in events):
                break
            newest, look_at = f"({events[-1].cursor}", look_at - len(entries)
        return found[::-1]


def _entries(answer: Any) -> list[Any]:
    """redis-py hands the reply of XREAD over as a list, or as a dict."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return list(next(iter(answer.values()))[0])
    return list(answer[0][1])


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, _, number = cursor.partition("-")
    return int(milliseconds), int(number or 0)


def _before(oldest: str) -> tuple[int, int]:
    milliseconds, number = _order(oldest)
    return (milliseconds, number - 1) if number else (milliseconds - 1, 0)


def _event_of(cursor: str, fields: Sequence[bytes] | dict[bytes, bytes]) -> Event:
    text = fields[b"e"] if isinstance(fields, dict) else fields[1]
    name, job, gen, version, state, worker, attempt, code, customer = text.decode().split(" ")
    return Event(
        cursor=cursor,
        name=name,
        job="" if job == "-" else job,
        gen=int(gen),
        version=int(version),
        state=state,
        worker=worker,
        attempt=int(attempt),
        code=code,
        customer_id=customer,
    )
