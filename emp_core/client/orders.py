"""Orders to many jobs: what each changes, and what came of it. The command, the dashboard and the hub give them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.states import ENDED, HELD, OPEN, WAITING, JobState
from emp_core.errors import EmpError, Forbidden, InvalidInput, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.domain.filter import Filter
    from emp_core.domain.job import Job

ORDERED_AT_ONCE = 50
"""Jobs between two looks at what came of an order. Each is one short call of the server."""

SHOWN_STATES = (*OPEN, HELD, *ENDED, "corrupt")


class Ordering(Protocol):
    """What carries out the orders: a `Queue`, or a client of one."""

    async def cancel(self, job_id: str, *, reason: str = "") -> str: ...
    async def retry(self, job_id: str, *, reason: str = "") -> None: ...
    async def hold(self, job_id: str, *, reason: str = "") -> None: ...
    async def unhold(self, job_id: str, *, reason: str = "") -> None: ...
    async def requeue(self, job_id: str, *, reason: str = "") -> None: ...
    async def set_priority(
        self, job_ids: Sequence[str], priority: int, *, reason: str = ""
    ) -> dict[str, EmpError | None]: ...
    async def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, EmpError | None]: ...


Answers = Mapping[str, EmpError | None]
"""For each job None, or why the order was not carried out."""

Act = Callable[[Ordering, Sequence[str]], Awaitable[Answers]]
"""Gives the order for some jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done."""

    verb: str
    done: str
    """As in `14 jobs are cancelled`."""

    act: Act
    states: Collection[JobState]
    """The states in which it changes jobs: a filter chooses no others."""

    held: Literal["yes", "no"] | None = None
    """Whether it changes held jobs, or only those that are not held; None: both."""

    leaves_job: bool = True

    others: str = ""
    """A filter that leaves out the jobs that are already as it would make them."""

    def narrowed(self, wanted: "Filter") -> "Filter":
        """The jobs of a filter that it can change."""
        from emp_core.domain.filter import Filter, parse

        return wanted & Filter.of(status=self.states, held=self.held) & parse(self.others)

    def takes(self, job: "Job") -> bool:
        """Whether its states are the job's. To a filter a job that is being cancelled is active too."""
        return job.state in self.states


@dataclass(frozen=True, slots=True)
class Given:
    """What came of an order."""

    done: Sequence[str]
    refusals: Mapping[str, EmpError]

    def in_words(self, order: Order) -> str:
        """`14 jobs are cancelled; 2 were refused: …`."""
        said = f"{count(self.done)} {'is' if len(self.done) == 1 else 'are'} {order.done}" if self.done else ""
        if not self.refusals:
            return said or f"no job is {order.done}"
        first = next(iter(self.refusals.values()))
        others = len(self.refusals) - 1
        refused = f"{first.message}{f', and {others:,} more were refused' if others else ''}"
        return f"{said}; {refused}" if said else refused


def count(jobs: Collection[object]) -> str:
    """`14 jobs`."""
    return "1 job" if len(jobs) == 1 else f"{len(jobs):,} jobs"


def states_in_words(states: Counter[str]) -> str:
    """`3 active, 11 pending`."""
    return ", ".join(f"{states[state]:,} {state}" for state in SHOWN_STATES if states[state])


async def in_parts(queue: Ordering, order: Order, job_ids: Sequence[str]) -> AsyncGenerator[Answers, None]:
    """Give the order for all jobs, some at a time. Raises `QueueUnavailable` and `Forbidden`."""
    for start in range(0, len(job_ids), ORDERED_AT_ONCE):
        yield await order.act(queue, job_ids[start : start + ORDERED_AT_ONCE])


def given(answers: Answers) -> Given:
    """The answers, sorted."""
    refusals = {job_id: error for job_id, error in answers.items() if error is not None}
    return Given([job_id for job_id in answers if job_id not in refusals], refusals)


def each(order: Callable[[Ordering, str], Awaitable[object]]) -> Act:
    """An order that is given job by job."""

    async def give(queue: Ordering, job_id: str) -> EmpError | None:
        try:
            await order(queue, job_id)
        except (QueueUnavailable, Forbidden):
            raise
        except EmpError as error:
            return error
        return None

    async def act(queue: Ordering, job_ids: Sequence[str]) -> Answers:
        answers = await asyncio.gather(*(give(queue, job_id) for job_id in job_ids))
        return dict(zip(job_ids, answers, strict=True))

    return act


def cancel(reason: str = "", *, tell: Callable[[str], None] = lambda note: None) -> Order:
    """Cancel jobs; `tell` is given a note on each job that had ended before."""

    async def stop(queue: Ordering, job_id: str) -> None:
        state = await queue.cancel(job_id, reason=reason)
        if state in (JobState.COMPLETED, JobState.FAILED):
            tell(f"job {job_id} was already {state}")

    return Order(verb="cancel", done="cancelled", act=each(stop), states=set(OPEN) - {JobState.CANCELLING})


def retry(reason: str = "") -> Order:
    """Run failed and cancelled jobs again."""
    act = each(lambda queue, job_id: queue.retry(job_id, reason=reason))
    return Order(verb="retry", done="retried", act=act, states=(JobState.FAILED, JobState.CANCELLED))


def requeue(reason: str = "") -> Order:
    """Take running jobs from their workers."""
    act = each(lambda queue, job_id: queue.requeue(job_id, reason=reason))
    return Order(verb="requeue", done="requeued", act=act, states=(JobState.ACTIVE,))


def hold(reason: str = "") -> Order:
    """Keep waiting jobs from starting."""
    act = each(lambda queue, job_id: queue.hold(job_id, reason=reason))
    return Order(verb="hold", done="held", act=act, states=(JobState.PENDING, JobState.DELAYED), held="no")


def unhold(reason: str = "") -> Order:
    """Let held jobs start again."""
    act = each(lambda queue, job_id: queue.unhold(job_id, reason=reason))
    return Order(verb="unhold", done="no longer held", act=act, states=(JobState.DELAYED,), held="yes")


def priority(value: int, reason: str = "") -> Order:
    """Move waiting jobs to another priority."""

    async def move(queue: Ordering, job_ids: Sequence[str]) -> Answers:
        return await queue.set_priority(job_ids, value, reason=reason)

    done = f"at priority {value}"
    return Order(verb="move", done=done, act=move, states=WAITING, others=f"-priority={value}")


def delete(reason: str = "") -> Order:
    """Forget ended jobs, with their results and files."""

    async def forget(queue: Ordering, job_ids: Sequence[str]) -> Answers:
        return await queue.delete(job_ids, reason=reason)

    return Order(verb="delete", done="deleted", act=forget, states=ENDED, leaves_job=False)


VERBS = ("cancel", "retry", "hold", "unhold", "requeue", "priority", "delete")


def order_of(
    verb: str, value: int | None = None, reason: str = "", *, tell: Callable[[str], None] = lambda note: None
) -> Order:
    """The order that one of `VERBS` names; `value` is the new priority. Raises `InvalidInput` if it is none."""
    if verb == "priority":
        if value is None or not MIN_PRIORITY <= value <= MAX_PRIORITY:
            raise InvalidInput("priority", f"must be {MIN_PRIORITY} to {MAX_PRIORITY}, not {value}")
        return priority(value, reason)
    if verb == "cancel":
        return cancel(reason, tell=tell)
    orders: Mapping[str, Callable[[str], Order]] = {
        "retry": retry,
        "requeue": requeue,
        "hold": hold,
        "unhold": unhold,
        "delete": delete,
    }
    return orders[verb](reason)
