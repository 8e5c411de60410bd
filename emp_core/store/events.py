"""`EventBus`: the stream of transitions, read from a cursor on, and the events of one job. The functions write both."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from emp_core.domain.caller import Caller
from emp_core.domain.events import Event, Order, Reported
from emp_core.store.codec import fields_of, job_fields
from emp_core.store.connection import DAMAGED, Link

PLAIN_LIFE = ("submitted", "claimed", "completed")
"""The events of most jobs; `lua/lib/events.lua` writes them into the stream only."""

READ_AT_ONCE = 1_000
"""Events, of which one customer's are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a read of the stream brought."""

    events: tuple[Event, ...]
    cursor: str
    """Go on from here."""

    reports: tuple[Reported, ...] = ()
    """What workers reported meanwhile, if it was asked for."""

    reports_cursor: str = ""
    """Go on from here with the reports."""

    resync: bool = False
    """The cursor is older than the stream, or from the future (a failover): read the state again."""


class EventBus:
    """Reads the stream. For a caller of one customer only the events of this customer's jobs exist."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._caller: Caller | None = None

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller."""
        own = copy(self)
        own._caller = caller
        return own

    def over(self, link: Link) -> Self:
        """The same over another link: blocking reads need one of their own."""
        other = copy(self)
        other._link = link
        return other

    def _sees(self, customer: str) -> bool:
        return self._caller is None or self._caller.sees(customer)

    async def latest(self) -> str:
        """The cursor of now."""
        return await self._latest("events")

    async def latest_report(self) -> str:
        """The same for reports."""
        return await self._latest("progress")

    async def _latest(self, stream: str) -> str:
        newest = await self._link.call("XREVRANGE", self._link.key(stream), "+", "-", "COUNT", 1)
        return newest[0][0].decode() if newest else "0-0"

    async def after(
        self, cursor: str, *, reports: str | None = None, count: int = 1_000, block_ms: int | None = None
    ) -> Batch:
        """The events after a cursor, waiting for the first if there is none yet.

        `reports` is the cursor of the reports of running jobs, which are read and waited for too; a report that nobody
        reads in time is lost without a word, as the job keeps the latest.
        """
        if await self._is_lost(cursor):
            return Batch(events=(), cursor=await self.latest(), reports_cursor=await self.latest_report(), resync=True)
        waiting = () if block_ms is None else ("BLOCK", block_ms)
        cursors = {
            self._link.key("events"): cursor,
            **({} if reports is None else {self._link.key("progress"): reports}),
        }
        answer = await self._link.call("XREAD", "COUNT", count, *waiting, "STREAMS", *cursors, *cursors.values())
        found = _streams(answer)
        events = [_event_of(entry_id.decode(), fields) for entry_id, fields in found.get(self._link.key("events"), ())]
        entries = found.get(self._link.key("progress"), ())
        reported = [told for _, fields in entries if (told := _reported(fields))]
        return Batch(
            events=tuple(event for event in events if self._sees(event.customer_id)),
            cursor=events[-1].cursor if events else cursor,
            reports=tuple(told for told in reported if self._sees(told.customer_id)),
            reports_cursor=entries[-1][0].decode() if entries else reports or "",
        )

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

    async def recent(self, count: int, *, since: int = 0, until: int | None = None) -> list[Event]:
        """The newest events, oldest first; only those from `since` to `until`, in ms since 1970."""
        found: list[Event] = []
        end = "+" if until is None else str(until)
        step = count if self._caller is None or self._caller.customer is None else max(count, READ_AT_ONCE)
        while len(found) < count:
            entries = await self._link.call("XREVRANGE", self._link.key("events"), end, since or "-", "COUNT", step)
            events = [_event_of(entry_id.decode(), fields) for entry_id, fields in entries]
            found += [event for event in events if self._sees(event.customer_id)]
            if len(entries) < step:
                break
            end = f"({events[-1].cursor}"
        return found[:count][::-1]

    async def orders(self, count: int, before: str = "", *, since: int = 0, until: int | None = None) -> list[Order]:
        """The newest orders, or the newest before a cursor, oldest first; only those from `since` to `until`."""
        if self._caller:
            self._caller.check_unscoped("read the audit")
        last = "+" if until is None else str(until)
        end = f"({before}" if before else last
        entries = await self._link.call("XREVRANGE", self._link.key("audit"), end, since or "-", "COUNT", count)
        return [_order_of(entry_id.decode(), fields_of(fields)) for entry_id, fields in reversed(entries)]

    async def of_job(self, job_id: str) -> list[Event]:
        """The last events of a job that is kept, oldest first."""
        record, entries = await self._link.read_many(
            [
                ("HGETALL", self._link.key(f"job:{job_id}")),
                ("LRANGE", self._link.key(f"job.events:{job_id}"), 0, -1),
            ]
        )
        if entries is DAMAGED or record is DAMAGED:
            return []
        job = job_fields(fields_of(record))
        if not self._sees(job.get("customer", "")):
            return []
        if not entries:
            return _plain_life(job_id, job)
        parted = (entry.decode().partition(" ") for entry in entries)
        return [_event(f"{at}-0", text) for at, _, text in parted]


def _plain_life(job_id: str, job: Mapping[str, str]) -> list[Event]:
    """The events that a job's hash tells of, for a job to which nothing else happened."""
    version, state, customer = int(job.get("ver", 0)), job.get("state", ""), job.get("customer", "")
    states = ("delayed" if state == "delayed" else "pending", "active", "completed")
    if not 0 < version <= len(states) or state != states[version - 1]:
        return []
    times = (job.get("created"), job.get("claimed"), job.get("ended"))
    return [
        Event(
            cursor=f"{at}-0",
            name=name,
            job=job_id,
            version=number,
            state=reached,
            worker=job.get("worker", "") if number > 1 else "",
            attempt=1 if number > 1 else 0,
            customer_id=customer,
        )
        for number, (name, reached, at) in enumerate(zip(PLAIN_LIFE, states, times, strict=True), 1)
        if number <= version
    ]


def _streams(answer: Any) -> dict[str, list[Any]]:
    """redis-py hands the reply of XREAD over as a list, or as a dict."""
    if isinstance(answer, dict):
        return {name.decode(): [entry for part in parts for entry in part] for name, parts in answer.items()}
    return {name.decode(): entries for name, entries in answer or ()}


def _reported(fields: Sequence[bytes] | dict[bytes, bytes]) -> Reported | None:
    """None for an entry of an earlier version, which does not say whose job it is."""
    told = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    if b"r" not in told:
        return None
    job, attempt, what, customer, message = told[b"r"].decode().split(" ", 4)
    return Reported(
        job=job,
        attempt=int(attempt),
        percent=float(what) if what not in ("log", "preview") else None,
        message=message,
        preview=what == "preview",
        customer_id=customer,
    )


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, _, number = cursor.partition("-")
    return int(milliseconds), int(number or 0)


def _before(oldest: str) -> tuple[int, int]:
    milliseconds, number = _order(oldest)
    return (milliseconds, number - 1) if number else (milliseconds - 1, 0)


def _event_of(cursor: str, fields: Sequence[bytes] | dict[bytes, bytes]) -> Event:
    return _event(cursor, (fields[b"e"] if isinstance(fields, dict) else fields[1]).decode())


def _event(cursor: str, text: str) -> Event:
    # Only the event of an order has an actor and a request.
    name, job, gen, version, state, worker, attempt, code, customer, *by = text.split(" ")
    actor, request = by or ("", "")
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
        actor=actor,
        request=request,
    )


def _order_of(cursor: str, fields: Mapping[str, str]) -> Order:
    verb, kind, subject, before, after, result, customer, role, actor, request = fields["e"].split(" ")
    return Order(
        cursor=cursor,
        verb=verb,
        kind=kind,
        subject=subject,
        before=before,
        after=after,
        result=result,
        customer_id=customer,
        role=role,
        actor=actor,
        request=request,
        reason=fields["reason"],
    )
