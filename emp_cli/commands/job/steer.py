"""`emp job cancel|retry|requeue|hold|unhold|priority`: each for any number of jobs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.exits import ExitCode, code_of
from emp_cli.input.arguments import ids_of
from emp_cli.input.options import JobIds, OrderReasonOption, OutputOption
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.formats import Format
from emp_cli.run import leave, run
from emp_core.domain.states import JobState
from emp_core.errors import EmpError, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

Act = Callable[["AsyncEmp", str], Awaitable[object]]


def cancel(
    ctx: typer.Context, ids: JobIds, reason: OrderReasonOption = "", output: OutputOption = Format.TABLE
) -> None:
    """Cancel jobs: waiting ones at once, running ones within 15 s.

    Examples:
    emp job cancel 7f3a -m "wrong model"
    emp jobs --customer acme -o ids | emp job cancel -
    """

    async def stop(emp: "AsyncEmp", job_id: str) -> None:
        state = await emp.cancel(job_id, reason=reason)
        if state in (JobState.COMPLETED, JobState.FAILED):
            terminal.note(f"job {job_id} was already {state}")

    _act(ctx, ids, output, stop)


def retry(ctx: typer.Context, ids: JobIds, reason: OrderReasonOption = "", output: OutputOption = Format.TABLE) -> None:
    """Run failed and cancelled jobs again, as if submitted now.

    Examples:
    emp jobs --status failed -o ids | emp job retry -
    """
    _act(ctx, ids, output, lambda emp, job_id: emp.retry(job_id, reason=reason))


def requeue(
    ctx: typer.Context, ids: JobIds, reason: OrderReasonOption = "", output: OutputOption = Format.TABLE
) -> None:
    """Take running jobs from their workers and put them back in the queue, in their old place.

    Examples:
    emp job requeue 7f3a
    """
    _act(ctx, ids, output, lambda emp, job_id: emp.requeue(job_id, reason=reason))


def hold(ctx: typer.Context, ids: JobIds, reason: OrderReasonOption = "", output: OutputOption = Format.TABLE) -> None:
    """Keep waiting jobs from starting until `emp job unhold`.

    Examples:
    emp jobs --customer acme -s pending -o ids | emp job hold -
    """
    _act(ctx, ids, output, lambda emp, job_id: emp.hold(job_id, reason=reason))


def unhold(
    ctx: typer.Context, ids: JobIds, reason: OrderReasonOption = "", output: OutputOption = Format.TABLE
) -> None:
    """Let held jobs start again, in their old place.

    Examples:
    emp job unhold 7f3a
    """
    _act(ctx, ids, output, lambda emp, job_id: emp.unhold(job_id, reason=reason))


def priority(
    ctx: typer.Context,
    ids: JobIds,
    value: Annotated[int, typer.Argument(metavar="PRIORITY", min=0, max=100, help="0 to 100, higher first.")],
    reason: OrderReasonOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Change the priority of waiting jobs; they keep their submit time.

    Examples:
    emp job priority 7f3a 90
    emp jobs --customer acme -s pending -o ids | emp job priority - 20
    """

    async def move(emp: "AsyncEmp", job_id: str) -> None:
        if refusal := (await emp.set_priority([job_id], value, reason=reason))[job_id]:
            raise refusal

    _act(ctx, ids, output, move)


def _act(ctx: typer.Context, ids: list[str], output: Format, act: Act) -> None:
    """Do it to each job; what goes wrong with one does not keep the others. The jobs as they are afterwards."""

    names = ids_of(ids)

    async def work(emp: "AsyncEmp") -> ExitCode:
        done: list[str] = []
        code = ExitCode.OK
        for name in names:
            try:
                job_id = await emp.resolve(name)
                await act(emp, job_id)
                done.append(job_id)
            except QueueUnavailable:
                raise
            except EmpError as error:
                terminal.fail(error.message, error.hint)
                code = code or code_of(error)
        if done:
            jobs = await emp.jobs_by_id(done)
            formats.write(jobs, JOBS, output, await emp.now_ms())
            for job_id in sorted(set(done) - {job.id for job in jobs}):
                terminal.warn(f"job {job_id} was deleted just now")
        return code

    if names:
        leave(run(ctx, work))
