"""Waiting for jobs in front of a person or a script: what is shown meanwhile, and what the exit code says."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from emp_cli.exits import ExitCode
from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_cli.output.columns import remark, state_of
from emp_cli.output.story import Story
from emp_core.domain.durations import duration
from emp_core.domain.states import RUNNING, TERMINAL, WAITING, JobState
from emp_core.errors import Deleted, InvalidInput, NotFound, QueueUnavailable

if TYPE_CHECKING:
    from rich.progress import Progress

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.job import Job

TEXT = 100
"""Characters beside the bar."""

FIRST_LOOKS, LATER_LOOKS = (1.0, 4.0), 10.0
"""Seconds between two looks at why a job waits."""


def farewell(job_ids: Sequence[str]) -> str:
    """What Ctrl-C says while jobs are waited for."""
    if len(job_ids) == 1:
        return f"job {job_ids[0]} continues: emp job wait {job_ids[0]}, or emp job cancel {job_ids[0]}"
    return f"{len(job_ids)} jobs continue: emp jobs"


async def wait_for(
    emp: "AsyncEmp",
    job_ids: Sequence[str],
    *,
    any_of: bool = False,
    started: bool = False,
    seconds: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[list["Job"], ExitCode]:
    """The jobs at the end of the wait, and what came of them; `tell` is given the story of a single job.

    With `started` the wait for a job is over when it runs.
    """
    over = TERMINAL | RUNNING if started else TERMINAL
    if tell and len(job_ids) > 1:
        raise InvalidInput("follow", "works with one job only; use --wait for several")
    try:
        async with asyncio.timeout(seconds):
            jobs = await _ends(emp, job_ids, any_of, over, tell)
    except Deleted as error:
        _tell_deleted(error.job_ids)
        return list(error.jobs), ExitCode.NOT_FOUND
    except TimeoutError:
        return await _look_once_more(emp, job_ids, any_of, over, seconds or 0)
    return jobs, verdict([job for job in jobs if _has_ended(job)])


async def _look_once_more(
    emp: "AsyncEmp", job_ids: Sequence[str], any_of: bool, over: Collection[JobState], seconds: float
) -> tuple[list["Job"], ExitCode]:
    """The verdict when time is up: jobs may have ended, or been deleted, whose news did not come in time."""
    jobs = await emp.jobs_by_id(job_ids)
    found = {job.id for job in jobs}
    deleted = [job_id for job_id in job_ids if job_id not in found]
    _tell_deleted(deleted)
    still = [job for job in jobs if job.state is not None and job.state not in over]
    if still and not (any_of and (len(still) < len(jobs) or deleted)):
        _tell_timeout(still, len(jobs), seconds)
        return jobs, ExitCode.TIMEOUT
    return jobs, ExitCode.NOT_FOUND if deleted else verdict([job for job in jobs if _has_ended(job)])


def _has_ended(job: "Job") -> bool:
    """Of a damaged job (no state) nothing more will be known."""
    return job.state is None or job.state in TERMINAL


def _tell_deleted(job_ids: Sequence[str]) -> None:
    for job_id in job_ids:
        terminal.fail(f"job {job_id} was deleted before its result was read")


async def _ends(
    emp: "AsyncEmp",
    job_ids: Sequence[str],
    any_of: bool,
    over: frozenset[JobState],
    tell: Callable[[str], None] | None,
) -> list["Job"]:
    started = over != TERMINAL
    if tell:
        return [await _tell_story(emp, job_ids[0], tell)]
    if not terminal.err_is_terminal():
        return await emp.wait(job_ids, any_of=any_of, started=started)
    if len(job_ids) == 1:
        return [await _show_progress(emp, job_ids[0], over)]
    return await _show_count(emp, job_ids, any_of, started)


def _tell_timeout(still: Sequence["Job"], total: int, seconds: float) -> None:
    if len(still) == 1:
        name = still[0].id
        hint = f"it continues: emp job wait {name}, or emp job cancel {name}"
        terminal.fail(f"job {name} is {state_of(still[0])} after {duration(seconds)}", hint)
    else:
        terminal.fail(
            f"after {duration(seconds)} the wait for {len(still)} of {total} jobs is not over",
            "they continue: emp jobs",
        )


async def _tell_story(emp: "AsyncEmp", job_id: str, tell: Callable[[str], None]) -> "Job":
    story = Story()
    async with aclosing(emp.follow(job_id)) as changes:
        async for change in changes:
            job = change.job
            for line in story.lines(change, await emp.now_ms()):
                tell(line)
    return job


def verdict(jobs: Sequence["Job"]) -> ExitCode:
    """1 where a job failed, else 9 where one was cancelled."""
    states = {job.state for job in jobs}
    if JobState.FAILED in states or None in states:
        return ExitCode.FAILED
    return ExitCode.CANCELLED if JobState.CANCELLED in states else ExitCode.OK


async def tell_ends(emp: "AsyncEmp", jobs: Sequence["Job"]) -> None:
    """Say how each job ended, where it did; a script is not told that all is well."""
    for job in jobs:
        if job.state is JobState.COMPLETED and terminal.err_is_terminal():
            terminal.note(f"job {job.id} completed {remark(job, 0)}")
        if job.state is JobState.FAILED:
            why = await _message_of(emp, job.id)
            terminal.fail(f"job {job.id} failed ({job.failure_code}){why and f': {why}'}", f"emp job show {job.id}")
        elif job.state is JobState.CANCELLED:
            terminal.warn(f"job {job.id} was cancelled")


async def _message_of(emp: "AsyncEmp", job_id: str) -> str:
    try:
        outcome = (await emp.outcome(job_id)).value or {}
    except NotFound:  # deleted since its end was read
        return ""
    return str(outcome.get("message") or "")


async def _show_progress(emp: "AsyncEmp", job_id: str, over: Collection[JobState]) -> "Job":
    looking: asyncio.Task[None] | None = None
    try:
        with _bar() as bar:
            line = bar.add_task(job_id, total=100, text="")
            async with aclosing(emp.follow(job_id)) as changes:
                async for change in changes:
                    job = change.job
                    text = one_line(bar_text(job, await emp.now_ms()), TEXT)
                    bar.update(line, completed=100 if job.state in TERMINAL else job.progress or 0, text=text)
                    if job.state in over:
                        break
                    if looking is not None:
                        looking.cancel()
                    looking = asyncio.create_task(_say_why(emp, job, lambda text: bar.update(line, text=text)))
    finally:
        if looking is not None:
            looking.cancel()
    return job


def bar_text(job: "Job", now: int) -> str:
    """What stands beside the bar of a job: `active, attempt 2 40% sampling`."""
    attempt = f", attempt {job.attempt}" if job.state in RUNNING and (job.attempt or 0) > 1 else ""
    return f"{state_of(job)}{attempt} {remark(job, now)}"


async def _show_count(emp: "AsyncEmp", job_ids: Sequence[str], any_of: bool, started: bool) -> list["Job"]:
    total = len(set(job_ids))
    with _bar() as bar:
        line = bar.add_task("jobs", total=total, text="")

        def count(ended: Sequence["Job"]) -> None:
            failed = sum(job.state in (JobState.FAILED, None) for job in ended)
            text = f"{len(ended)} of {total} {'run or have ' if started else ''}ended" + (
                f", {failed} failed" if failed else ""
            )
            bar.update(line, completed=len(ended), text=text)

        return await emp.wait(job_ids, any_of=any_of, started=started, on_end=count)


async def _say_why(emp: "AsyncEmp", job: "Job", say: Callable[[str], None]) -> None:
    """Why a job waits, looked at ever less often: it reads the whole fleet; and whether the queue answers."""
    for pause in itertools.chain(FIRST_LOOKS, itertools.repeat(LATER_LOOKS)):
        await asyncio.sleep(pause)
        with contextlib.suppress(NotFound):  # the wait itself reports it
            try:
                say(one_line(await _why(emp, job), TEXT))
            except QueueUnavailable:
                say(f"{state_of(job)}: the queue does not answer")


async def _why(emp: "AsyncEmp", job: "Job") -> str:
    if job.state not in WAITING:
        return bar_text(job, await emp.now_ms())
    found = await emp.explain(job.id)
    return f"{state_of(found.job)}: {found.reasons[0].text}"


def _bar() -> "Progress":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    return Progress(*columns, console=terminal.stderr(), transient=True)
