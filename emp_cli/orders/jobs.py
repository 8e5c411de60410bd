"""The orders to jobs, as the command and the dashboard give them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from emp_cli.orders.order import Order, each
from emp_core.domain.states import ENDED, OPEN, WAITING, JobState
from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def cancel(reason: str = "", *, tell: Callable[[str], None] = lambda note: None) -> Order:
    """Cancel jobs; `tell` is given a note on each job that had ended before."""

    async def stop(emp: "AsyncEmp", job_id: str) -> None:
        state = await emp.cancel(job_id, reason=reason)
        if state in (JobState.COMPLETED, JobState.FAILED):
            tell(f"job {job_id} was already {state}")

    return Order(verb="cancel", done="cancelled", act=each(stop), states=set(OPEN) - {JobState.CANCELLING})


def retry(reason: str = "") -> Order:
    """Run failed and cancelled jobs again."""
    act = each(lambda emp, job_id: emp.retry(job_id, reason=reason))
    return Order(verb="retry", done="retried", act=act, states=(JobState.FAILED, JobState.CANCELLED))


def requeue(reason: str = "") -> Order:
    """Take running jobs from their workers."""
    act = each(lambda emp, job_id: emp.requeue(job_id, reason=reason))
    return Order(verb="requeue", done="requeued", act=act, states=(JobState.ACTIVE,))


def hold(reason: str = "") -> Order:
    """Keep waiting jobs from starting."""
    act = each(lambda emp, job_id: emp.hold(job_id, reason=reason))
    return Order(verb="hold", done="held", act=act, states=(JobState.PENDING, JobState.DELAYED), held="no")


def unhold(reason: str = "") -> Order:
    """Let held jobs start again."""
    act = each(lambda emp, job_id: emp.unhold(job_id, reason=reason))
    return Order(verb="unhold", done="no longer held", act=act, states=(JobState.DELAYED,), held="yes")


def priority(value: int, reason: str = "") -> Order:
    """Move waiting jobs to another priority."""

    async def move(emp: "AsyncEmp", job_ids: Sequence[str]) -> Mapping[str, EmpError | None]:
        return await emp.set_priority(job_ids, value, reason=reason)

    return Order(verb="move", done=f"at priority {value}", act=move, states=WAITING)


def delete(reason: str = "") -> Order:
    """Forget ended jobs, with their results and files."""

    async def forget(emp: "AsyncEmp", job_ids: Sequence[str]) -> Mapping[str, EmpError | None]:
        return await emp.delete(job_ids, reason=reason)

    return Order(verb="delete", done="deleted", act=forget, states=ENDED, leaves_job=False)
