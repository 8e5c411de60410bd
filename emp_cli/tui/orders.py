"""Orders from the dashboard: counted, confirmed, carried out, and taken back."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual.message import Message

from emp_cli.orders import jobs as job_orders
from emp_cli.orders.choice import Found, find
from emp_cli.orders.order import ORDERED_AT_ONCE, Order
from emp_cli.output.columns import state_of
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.states import HELD
from emp_core.errors import EmpError, InvalidInput

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
class Given:
    """What came of an order."""

    done: Sequence[str]
    refusals: Mapping[str, EmpError]

    def in_words(self, order: Order) -> str:
        """`14 jobs are cancelled; 2 were refused: …`."""
        said = f"{_jobs(len(self.done))} {'is' if len(self.done) == 1 else 'are'} {order.done}" if self.done else ""
        if not self.refusals:
            return said or f"no job is {order.done}"
        first = next(iter(self.refusals.values()))
        others = len(self.refusals) - 1
        refused = f"{first.message}{f', and {others:,} more were refused' if others else ''}"
        return f"{said}; {refused}" if said else refused


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
        given = await carry_out(self.emp, order, found.ids)
        if undo and given.done:
            self.undos = [*self.undos[-UNDOS + 1 :], undo]
        return f"{given.in_words(order)}{'; z undoes it' if undo and given.done else ''}"

    async def _find(self, order: Order, ordered: Ordered) -> Found:
        changes = Filter.of(status=order.states, held=order.held)
        if ordered.wanted is not None:
            return await find(self.emp, ordered.wanted & changes, order.states)
        now = await self.emp.now_ms()
        jobs = await self.emp.jobs_by_id([job.id for job in ordered.jobs])
        fit = [job for job in jobs if job.state in order.states and changes.matches(job, now)]
        return Found([job.id for job in fit], fit[:10], Counter(map(state_of, fit)))

    async def _undo_of(self, verb: str, ids: Sequence[str]) -> Undo | None:
        if verb == "hold":
            return Undo(f"hold of {_jobs(len(ids))}", [(job_orders.unhold(), ids)])
        if verb == "unhold":
            return Undo(f"unhold of {_jobs(len(ids))}", [(job_orders.hold(), ids)])
        if verb != "priority":
            return None
        before: defaultdict[int, list[str]] = defaultdict(list)
        for start in range(0, len(ids), 1_000):
            for job in await self.emp.jobs_by_id(ids[start : start + 1_000]):
                before[job.priority].append(job.id)
        orders = [(job_orders.priority(value), some) for value, some in before.items()]
        return Undo(f"new priority of {_jobs(len(ids))}", orders)

    async def undo(self) -> str:
        """Take the last order back; what is said of it."""
        if not self.undos:
            return "nothing to undo"
        undo = self.undos.pop()
        refused = 0
        for order, ids in undo.orders:
            refused += len((await carry_out(self.emp, order, ids)).refusals)
        return f"undid the {undo.words}{f'; {_jobs(refused)} had changed since' if refused else ''}"


async def carry_out(emp: "AsyncEmp", order: Order, ids: Sequence[str]) -> Given:
    """Give the order for all jobs, some at a time."""
    answers: dict[str, EmpError | None] = {}
    for start in range(0, len(ids), ORDERED_AT_ONCE):
        answers |= await order.act(emp, ids[start : start + ORDERED_AT_ONCE])
    refusals = {job_id: error for job_id, error in answers.items() if error is not None}
    return Given([job_id for job_id in answers if job_id not in refusals], refusals)


def order_of(verb: str, priority: int | None = None) -> Order:
    """The order that a verb names. Raises `InvalidInput` for a priority that is none."""
    if verb == "priority":
        if priority is None or not 0 <= priority <= 100:
            raise InvalidInput("priority", f"must be 0 to 100, not {priority}")
        return job_orders.priority(priority)
    orders: Mapping[str, Callable[[], Order]] = {
        "cancel": job_orders.cancel,
        "retry": job_orders.retry,
        "requeue": job_orders.requeue,
        "hold": job_orders.hold,
        "unhold": job_orders.unhold,
        "delete": job_orders.delete,
    }
    return orders[verb]()


def _only(order: Order) -> str:
    states = "held" if order.held == "yes" else " or ".join(sorted(order.states))
    return f"only jobs that are {states}{f' and not {HELD}' if order.held == 'no' else ''} can be"


def _left_out(count: int) -> str:
    return f"{_jobs(count)} of those marked cannot be, and stay as they are" if count else ""


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
