"""The orders to workers, as the command and the dashboard give them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import EmpError, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

ORDERED_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOrder:
    """What is to be done."""

    verb: str
    state: WorkerState
    """The state that the workers are put in."""

    changes: Collection[WorkerState]
    """The states in which it changes workers: --all and the like choose no others."""

    reason: str = ""


def pause(reason: str = "") -> WorkerOrder:
    """Let workers finish their jobs and take no others until they are resumed."""
    changes = (WorkerState.READY, WorkerState.DRAINING)
    return WorkerOrder(verb="pause", state=WorkerState.PAUSED, changes=changes, reason=reason)


def resume(reason: str = "") -> WorkerOrder:
    """Let workers take jobs again."""
    changes = (WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED)
    return WorkerOrder(verb="resume", state=WorkerState.READY, changes=changes, reason=reason)


def drain(reason: str = "") -> WorkerOrder:
    """Let workers finish their jobs and take no others until they are started again or resumed."""
    return WorkerOrder(verb="drain", state=WorkerState.DRAINING, changes=(WorkerState.READY,), reason=reason)


async def give(
    emp: "AsyncEmp", order: WorkerOrder, worker_ids: Sequence[str]
) -> AsyncGenerator[tuple[str, WorkerState | EmpError], None]:
    """Give the order to each worker: its state before, or why it was refused. Raises `QueueUnavailable`."""
    for start in range(0, len(worker_ids), ORDERED_AT_ONCE):
        some = worker_ids[start : start + ORDERED_AT_ONCE]
        answers = await asyncio.gather(*(_give_one(emp, order, worker_id) for worker_id in some))
        for each in zip(some, answers, strict=True):
            yield each


async def _give_one(emp: "AsyncEmp", order: WorkerOrder, worker_id: str) -> WorkerState | EmpError:
    try:
        return await emp.steer(worker_id, order.state, reason=order.reason)
    except QueueUnavailable as error:
        error.hint = "some workers may have the order: it is safe to give it again"
        raise
    except EmpError as error:
        return error


def workers_in_words(workers: Sequence[Worker]) -> str:
    """`3 workers: 2 ready, 1 draining`."""
    states = Counter(worker.state for worker in workers)
    counts = ", ".join(f"{states[state]:,} {state}" for state in WorkerState if states[state])
    return f"{'1 worker' if len(workers) == 1 else f'{len(workers):,} workers'}{': ' if counts else ''}{counts}"


def change_in_words(worker: Worker, before: WorkerState) -> str:
    """`gpu1:0: ready -> draining, 2 running`."""
    running = f", {len(worker.active)} running" if worker.active else ""
    return f"{worker.id}: {before} -> {worker.state}{running}"
