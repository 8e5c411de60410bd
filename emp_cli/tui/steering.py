"""Orders from the dashboard to workers: counted, confirmed, carried out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from emp_cli.orders import steering
from emp_cli.orders.steering import WorkerOrder, change_in_words, give, workers_in_words
from emp_cli.output.units import count_jobs, count_workers
from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_cli.tui.orders import Question
    from emp_core.client.async_emp import AsyncEmp

ORDERS: Mapping[str, Callable[[str], WorkerOrder]] = {
    "pause": steering.pause,
    "resume": steering.resume,
    "drain": steering.drain,
}

TOLD = 5
"""Workers of which each change is told."""


class Steered(Message):
    """The person gives an order for these workers."""

    def __init__(self, verb: str, workers: Sequence[Worker]) -> None:
        super().__init__()
        self.verb = verb
        self.workers = workers
        self.reason = ""

    @property
    def question(self) -> str:
        """What is asked before it is given; empty: nothing, the order needs no reason, or fits no worker."""
        fit = _fit(ORDERS[self.verb](""), self.workers)
        return f"{self.verb} {workers_in_words(fit)}: why? (may be empty)" if fit and self.verb != "resume" else ""


@dataclass(frozen=True, slots=True)
class Wheel:
    """Carries out orders to workers."""

    emp: "AsyncEmp"
    confirm: "Question"

    async def give(self, steered: Steered) -> str:
        """Do it, if it is confirmed; what is said of it. Raises `EmpError`."""
        order = ORDERS[steered.verb](steered.reason)
        meant = {worker.id for worker in steered.workers}
        workers = _fit(order, [worker for worker in await self.emp.workers() if worker.id in meant])
        if not workers:
            return f"no worker to {order.verb}: only workers that are {' or '.join(sorted(order.changes))} can be"
        must_ask = order.verb == "drain" or len(workers) > 1
        if must_ask and not await self.confirm(f"{order.verb} {_count(workers)}?", _left_out(steered.workers, workers)):
            return NOTHING_DONE
        return await self._carry_out(order, workers)

    async def _carry_out(self, order: WorkerOrder, workers: Sequence[Worker]) -> str:
        before: dict[str, WorkerState] = {}
        refusals: list[str] = []
        async for worker_id, answer in give(self.emp, order, [worker.id for worker in workers]):
            if isinstance(answer, EmpError):
                refusals.append(answer.message)
            else:
                before[worker_id] = answer
        after = [worker for worker in await self.emp.workers(gone=True) if worker.id in before]
        changes = [change_in_words(worker, before[worker.id]) for worker in after]
        if len(changes) > TOLD:
            changes = [f"{_count(after)}: {order.state}"]
        more = [f"and {len(refusals) - TOLD:,} more were refused"] if len(refusals) > TOLD else []
        return "\n".join([*changes, *refusals[:TOLD], *more])


NOTHING_DONE = "nothing was done"


def _fit(order: WorkerOrder, workers: Sequence[Worker]) -> list[Worker]:
    """The workers that the order changes."""
    return [worker for worker in workers if worker.state in order.changes]


def _count(workers: Sequence[Worker]) -> str:
    """`3 workers, 5 jobs running`."""
    running = sum(len(worker.active) for worker in workers)
    return f"{count_workers(len(workers))}, {count_jobs(running)} running"


def _left_out(meant: Sequence[Worker], fit: Sequence[Worker]) -> str:
    count = len(meant) - len(fit)
    return f"{count:,} of those marked cannot be, and stay as they are" if count else ""
