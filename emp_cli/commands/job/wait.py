"""`emp job wait|follow`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode
from emp_cli.input.arguments import ids_of
from emp_cli.input.options import JobIds, OneJob, TimeoutOption, flag
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout
from emp_cli.output.units import read_duration
from emp_cli.output.waiting import farewell, tell_ends, wait_for
from emp_cli.run import leave, run
from emp_core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


class Until(StrEnum):
    """What a wait is for."""

    ENDED = "ended"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Wait:
    """What was typed."""

    any_of: bool
    started: bool
    seconds: float | None


@shows(JOBS)
def wait(
    ctx: typer.Context,
    ids: JobIds,
    any_of: Annotated[bool, flag("--any", help="Wait until one job has ended, not all.")] = False,
    until: Annotated[
        Until, typer.Option("--for", metavar="STATE", help="What to wait for: ended, or active (it runs, or ended).")
    ] = Until.ENDED,
    timeout: TimeoutOption = None,
    *,
    layout: Layout,
) -> None:
    """Wait until jobs have ended, or run.

    Exit code 0: all completed or run, 1: one failed, 6: one was deleted, 8: timed out, 9: one was cancelled.

    Examples:
    emp job wait 7f3a && emp job result 7f3a --output-dir out/
    emp job wait 7f3a --for active
    emp jobs -q | emp job wait - --timeout 10m
    """
    seconds = read_duration("timeout", timeout) if timeout else None
    given = ids_of(ids)
    if not given:
        raise InvalidInput("ID", "give at least one job id")
    how = Wait(any_of, until is Until.ACTIVE, seconds)
    leave(run(ctx, lambda emp: _wait(session_of(ctx), emp, given, how, layout)))


async def _wait(session: Session, emp: "AsyncEmp", ids: Sequence[str], how: Wait, layout: Layout) -> ExitCode:
    names = [await _whole_id(emp, name) for name in ids]
    session.farewell = farewell(names)
    jobs, code = await wait_for(emp, names, any_of=how.any_of, started=how.started, seconds=how.seconds)
    if jobs or not layout.format.is_table:  # of deleted jobs only the error tells
        formats.write(jobs, JOBS, layout, await emp.now_ms())
    await tell_ends(emp, jobs)
    return code


async def _whole_id(emp: "AsyncEmp", name: str) -> str:
    """The id that a prefix names. A name of no job may be the id of a deleted one, which the wait reports."""
    try:
        return await emp.resolve(name)
    except NotFound as error:
        if error.hint:
            raise
        return name


def follow(ctx: typer.Context, job: OneJob, timeout: TimeoutOption = None) -> None:
    """Print what happens to a job: states, progress and log lines.

    It stops when the job ends; the exit codes are those of `emp job wait`.

    Examples:
    emp job follow 7f3a
    """
    seconds = read_duration("timeout", timeout) if timeout else None
    leave(run(ctx, lambda emp: _follow(session_of(ctx), emp, job, seconds)))


async def _follow(session: Session, emp: "AsyncEmp", prefix: str, seconds: float | None) -> ExitCode:
    job_id = await emp.resolve(prefix)
    session.farewell = farewell([job_id])
    jobs, code = await wait_for(emp, [job_id], seconds=seconds, tell=terminal.data)
    await tell_ends(emp, jobs)
    return code
