"""Orders from the dashboard: counted, confirmed, carried out, and taken back."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.message import Message

from emp_cli.orders.choice import Found, find
from emp_cli.output.units import count_jobs
from emp_core.client import orders as job_orders
from emp_core.client.orders import Given, Order, count, given, in_parts, order_of
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.states import HELD
from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

DESTROYS = frozenset({"cancel", "requeue", "delete"})
"""Orders that are confirmed also for one job."""

UNDOS = 20
"""Orders that can be taken back."""


class Ordered(Message):
    """The person gives an order: for these jobs, or for all that match."""

    def __init__(self, verb: str, *, jobs: Sequence[Job] = (), wanted: Filter | None = None) -> None:
        super().__init__()
        self.verb = verb
        self.jobs = jobs
        self.wanted = wanted
        self.priority: int | None = None
        """The new one, if the verb is `priority`."""


@dataclass(frozen=True, slots=True)
class Undo:
    """How an order is taken back."""

    words: str
    orders: Sequence[tuple[Order, Sequence[str]]]


Question = Callable[[str, str], Awaitable[bool]]
"""Shows a question and what it comes to; whether the person says yes."""


@dataclass(slots=True)
class Hands:
    """Carries out orders."""

    emp: "AsyncEmp"
    confirm: Question
    undos: list[Undo] = field(default_factory=list[Undo])

    async def give(self, ordered: Ordered) -> str:
        """Do it, if it is confirmed; what is said of it. Raises `EmpError`."""
        order = order_of(ordered.verb, ordered.priority)
        found = await self._find(order, ordered)
        if not found.ids:
            return f"no job to {order.verb}: {_only(order)}"
        detail = _left_out(len(ordered.jobs) - len(found.ids)) if ordered.wanted is None else ""
        question = f"{order.verb} {found.in_words()}?"
        must_ask = ordered.verb in DESTROYS or len(found.ids) > 1
        if must_ask and not await self.confirm(question, detail):
            return "nothing was done"
        undo = await self._undo_of(ordered.verb, found.ids)
        came = await carry_out(self.emp, order, found.ids)
        if undo and came.done:
            self.undos = [*self.undos[-UNDOS + 1 :], undo]
        return f"{came.in_words(order)}{'; z undoes it' if undo and came.done else ''}"

    async def _find(self, order: Order, ordered: Ordered) -> Found:
        changes = order.narrowed(Filter())
        if ordered.wanted is not None:
            return await find(self.emp, order.narrowed(ordered.wanted), order)
        now = await self.emp.now_ms()
        jobs = await self.emp.jobs_by_id([job.id for job in ordered.jobs])
        fit = [job for job in jobs if order.takes(job) and changes.matches(job, now)]
        return Found([job.id for job in fit], fit[:10], Counter(job.shown_state for job in fit))

    async def _undo_of(self, verb: str, ids: Sequence[str]) -> Undo | None:
        if verb == "hold":
            return Undo(f"hold of {count(ids)}", [(job_orders.unhold(), ids)])
        if verb == "unhold":
            return Undo(f"unhold of {count(ids)}", [(job_orders.hold(), ids)])
        if verb != "priority":
            return None
        before: defaultdict[int, list[str]] = defaultdict(list)
        for start in range(0, len(ids), 1_000):
            for job in await self.emp.jobs_by_id(ids[start : start + 1_000]):
                before[job.priority].append(job.id)
        orders = [(job_orders.priority(value), some) for value, some in before.items()]
        return Undo(f"new priority of {count(ids)}", orders)

    async def undo(self) -> str:
        """Take the last order back; what is said of it."""
        if not self.undos:
            return "nothing to undo"
        undo = self.undos.pop()
        refused = 0
        for order, ids in undo.orders:
            refused += len((await carry_out(self.emp, order, ids)).refusals)
        return f"undid the {undo.words}{f'; {count_jobs(refused)} had changed since' if refused else ''}"


async def carry_out(emp: "AsyncEmp", order: Order, ids: Sequence[str]) -> Given:
    """Give the order for all jobs."""
    answers: dict[str, EmpError | None] = {}
    async for some in in_parts(emp, order, ids):
        answers |= some
    return given(answers)


def _only(order: Order) -> str:
    states = "held" if order.held == "yes" else " or ".join(sorted(order.states))
    return f"only jobs that are {states}{f' and not {HELD}' if order.held == 'no' else ''} can be"


def _left_out(count: int) -> str:
    return f"{count_jobs(count)} of those marked cannot be, and stay as they are" if count else ""
