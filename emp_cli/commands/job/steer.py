"""`emp job cancel|retry|requeue|hold|unhold|priority|delete`: each for any number of jobs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.options import (
    DryRunOption,
    OrderReasonOption,
    OrderWhereOption,
    SomeJobIds,
    YesOption,
)
from emp_cli.input.shaping import shows
from emp_cli.orders.choice import Choice
from emp_cli.orders.order import Order, carry_out, each
from emp_cli.output import terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout
from emp_core.domain.states import ENDED, OPEN, WAITING, JobState
from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


@shows(JOBS)
def cancel(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Cancel jobs: waiting ones at once, running ones within 15 s.

    Examples:
    emp job cancel 7f3a -m "wrong model"
    emp job cancel --where 'customer:acme label.batch:42'
    """

    async def stop(emp: "AsyncEmp", job_id: str) -> None:
        state = await emp.cancel(job_id, reason=reason)
        if state in (JobState.COMPLETED, JobState.FAILED):
            terminal.note(f"job {job_id} was already {state}")

    order = Order(verb="cancel", done="cancelled", act=each(stop), states=set(OPEN) - {JobState.CANCELLING})
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


@shows(JOBS)
def retry(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Run failed and cancelled jobs again, as if submitted now.

    Examples:
    emp job retry 7f3a
    emp job retry --where 'status:failed code:out_of_memory ended<1h'
    """
    act = each(lambda emp, job_id: emp.retry(job_id, reason=reason))
    order = Order(verb="retry", done="retried", act=act, states=(JobState.FAILED, JobState.CANCELLED))
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


@shows(JOBS)
def requeue(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Take running jobs from their workers and put them back in the queue, in their old place.

    Examples:
    emp job requeue 7f3a
    emp job requeue --where 'worker:gpu1* run>30m'
    """
    act = each(lambda emp, job_id: emp.requeue(job_id, reason=reason))
    order = Order(verb="requeue", done="requeued", act=act, states=(JobState.ACTIVE,))
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


@shows(JOBS)
def hold(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Keep waiting jobs from starting until `emp job unhold`.

    Examples:
    emp job hold 7f3a
    emp job hold --where 'customer:acme status:pending'
    """
    act = each(lambda emp, job_id: emp.hold(job_id, reason=reason))
    order = Order(verb="hold", done="held", act=act, states=(JobState.PENDING, JobState.DELAYED), held="no")
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


@shows(JOBS)
def unhold(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Let held jobs start again, in their old place.

    Examples:
    emp job unhold 7f3a
    emp job unhold --where 'customer:acme'
    """
    act = each(lambda emp, job_id: emp.unhold(job_id, reason=reason))
    order = Order(verb="unhold", done="no longer held", act=act, states=(JobState.DELAYED,), held="yes")
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


@shows(JOBS)
def priority(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    *,
    value: Annotated[int, typer.Argument(metavar="PRIORITY", min=0, max=100, help="0 to 100, higher first.")],
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
    layout: Layout,
) -> None:
    """Change the priority of waiting jobs; they keep their submit time.

    Examples:
    emp job priority 7f3a 90
    emp job priority --where 'customer:acme status:pending' 20
    """

    async def move(emp: "AsyncEmp", job_ids: Sequence[str]) -> Mapping[str, EmpError | None]:
        return await emp.set_priority(job_ids, value, reason=reason)

    done = f"at priority {value}"
    order = Order(verb="move", done=done, act=move, states=WAITING)
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), layout)


def delete(
    ctx: typer.Context,
    ids: SomeJobIds = None,
    where: OrderWhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
) -> None:
    """Delete completed, failed and cancelled jobs, with their results and files. Prints the ids of those deleted.

    Examples:
    emp job delete 7f3a
    emp job delete --where 'status:failed ended>7d'
    """

    async def forget(emp: "AsyncEmp", job_ids: Sequence[str]) -> Mapping[str, EmpError | None]:
        return await emp.delete(job_ids, reason=reason)

    order = Order(verb="delete", done="deleted", act=forget, states=ENDED, leaves_job=False)
    carry_out(ctx, order, _choice(ids, where, dry_run, yes), Layout())


def _choice(ids: list[str] | None, where: str | None, dry_run: bool, yes: bool) -> Choice:
    return Choice(ids=ids or (), where=where, dry_run=dry_run, yes=yes)
