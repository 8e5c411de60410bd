"""`emp job cancel|retry|requeue|hold|unhold|priority|delete`: each for any number of jobs."""

from typing import Annotated

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
from emp_cli.orders.order import carry_out
from emp_cli.output import terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout
from emp_core.client import orders


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

    carry_out(ctx, orders.cancel(reason, tell=terminal.note), _choice(ids, where, dry_run, yes), layout)


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
    carry_out(ctx, orders.retry(reason), _choice(ids, where, dry_run, yes), layout)


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
    carry_out(ctx, orders.requeue(reason), _choice(ids, where, dry_run, yes), layout)


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
    carry_out(ctx, orders.hold(reason), _choice(ids, where, dry_run, yes), layout)


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
    carry_out(ctx, orders.unhold(reason), _choice(ids, where, dry_run, yes), layout)


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

    carry_out(ctx, orders.priority(value, reason), _choice(ids, where, dry_run, yes), layout)


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

    carry_out(ctx, orders.delete(reason), _choice(ids, where, dry_run, yes), Layout())


def _choice(ids: list[str] | None, where: str | None, dry_run: bool, yes: bool) -> Choice:
    return Choice(ids=ids or (), where=where, dry_run=dry_run, yes=yes)
