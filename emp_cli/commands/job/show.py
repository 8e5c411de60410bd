"""`emp job show|logs|events|result`."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.exits import ExitCode
from emp_cli.input.arguments import ids_of
from emp_cli.input.options import (
    FollowOption,
    JobIds,
    NameTemplateOption,
    OneJob,
    OutputDirOption,
    OutputOption,
    ResultOption,
    TailOption,
    WatchOption,
    flag,
)
from emp_cli.input.shaping import shows
from emp_cli.output import formats, pager, terminal
from emp_cli.output.clean import JsonStream, clean
from emp_cli.output.columns import ARTIFACTS, EVENTS, JOBS, state_of
from emp_cli.output.details import JobDetails, write_job
from emp_cli.output.layout import Format, Layout
from emp_cli.output.saving import Saving, read_saving, save, tell_notes
from emp_cli.output.waiting import verdict
from emp_cli.output.watching import Look, watching
from emp_cli.run import leave, run
from emp_core.domain.json_text import load_json
from emp_core.domain.policy import MAX_WHOLE_RESULT
from emp_core.domain.states import TERMINAL, JobState
from emp_core.domain.views import job_view
from emp_core.errors import ArtifactsUnavailable, Conflict, HubUnavailable, Misconfigured, NotFound

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.results import Outcome


NO_FILES = "the result has no files"


def show(
    ctx: typer.Context,
    ids: JobIds,
    payload: Annotated[bool, flag("--payload", help="Show the payload too.")] = False,
    watch: WatchOption = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Show jobs: state, times, attempts and files.

    Examples:
    emp job 7f3a
    emp job show 7f3a --payload -o json
    emp job 7f3a --watch
    """
    names = ids_of(ids)
    if not names:
        return

    async def work(emp: "AsyncEmp") -> None:
        job_ids = [await emp.resolve(name) for name in names]
        if watch:
            await watching(ctx, watch, Layout(output)).run(lambda: _look(emp, job_ids, payload, output))
            return
        write = (await _look(emp, job_ids, payload, output)).write
        pager.show(write) if output.is_table else write()

    run(ctx, work)


async def _look(emp: "AsyncEmp", job_ids: Sequence[str], payload: bool, output: Format) -> Look:
    with_data = not output.is_table and output is not Format.IDS
    found = [await _details(emp, job_id, with_data=with_data) for job_id in job_ids]
    bodies = [load_json(await emp.payload(job_id)) if payload else {} for job_id in job_ids]
    views = [{**_view(each), **body} for each, body in zip(found, bodies, strict=True)]
    now = await emp.now_ms()

    def write() -> None:
        if output.is_table:
            _write_jobs(found, bodies, now, payload=payload)
        elif output is Format.IDS:
            formats.write([each.job for each in found], JOBS, Layout(output))
        else:
            formats.write_views(views, Layout(output))

    return Look(now=now, views=dict(zip(job_ids, views, strict=True)), write=write)


def _write_jobs(found: Sequence[JobDetails], bodies: Sequence[Any], now: int, *, payload: bool) -> None:
    for number, (each, body) in enumerate(zip(found, bodies, strict=True)):
        if number:
            terminal.data("")
        write_job(each, now)
        if payload:
            terminal.data("")
            formats.write_json(body)


async def _details(emp: "AsyncEmp", job_id: str, *, with_data: bool) -> JobDetails:
    job = await emp.job(job_id)
    outcome, attempts = await emp.came_of(job)
    value = await _with_data(emp, job_id, outcome) if with_data else outcome.value
    return JobDetails(job=job, outcome=value, attempts=tuple(attempts))


async def _with_data(emp: "AsyncEmp", job_id: str, outcome: "Outcome") -> dict[str, Any] | None:
    """The outcome; its data is null, and a warning says why, if it is very large or its file cannot be read."""
    if outcome.file is None:
        return outcome.value
    try:
        if outcome.file.size <= MAX_WHOLE_RESULT:
            return await emp.result(job_id)
        why = f"it has {outcome.file.size} bytes"
    except (NotFound, Conflict, Misconfigured, ArtifactsUnavailable, HubUnavailable) as error:
        why = error.message
    terminal.warn(f"the result of job {job_id} is not shown: {why}")
    terminal.hint_line(f"emp job result {job_id}")
    return outcome.value


def _view(details: JobDetails) -> dict[str, Any]:
    attempts = [
        {
            "number": attempt.number,
            "worker": attempt.worker,
            "outcome": attempt.outcome,
            "code": attempt.code,
            "seconds": (attempt.ended_at - attempt.claimed_at) / 1000,
            "detail": attempt.detail,
        }
        for attempt in details.attempts
    ]
    return {**job_view(details.job), "outcome": details.outcome, "attempts": attempts}


def logs(
    ctx: typer.Context,
    job: OneJob,
    follow: FollowOption = False,
    tail: TailOption = None,
) -> None:
    """Print the log of a job.

    Examples:
    emp job logs 7f3a --tail 20
    emp job logs 7f3a -f
    """
    run(ctx, lambda emp: _logs(emp, job, follow, tail))


async def _logs(emp: "AsyncEmp", prefix: str, follow: bool, tail: int | None) -> None:
    job_id = await emp.resolve(prefix)
    if not follow:
        lines = await emp.log(job_id)
        for line in lines if tail is None else lines[max(0, len(lines) - tail) :]:
            terminal.data(clean(line))
        return
    async with aclosing(emp.follow(job_id)) as changes:
        async for change in changes:
            for line in change.lines if tail is None else change.lines[max(0, len(change.lines) - tail) :]:
                terminal.data(clean(line))
            tail = None


@shows(EVENTS)
def events(ctx: typer.Context, job: OneJob, *, layout: Layout) -> None:
    """List the events of a job.

    The last 200 events are kept as long as the job.

    Examples:
    emp job events 7f3a
    """

    async def work(emp: "AsyncEmp") -> None:
        found = await emp.events_of(await emp.resolve(job))
        formats.show(found, EVENTS, layout, await emp.now_ms())

    run(ctx, work)


def result(
    ctx: typer.Context,
    job: OneJob,
    output_dir: OutputDirOption = None,
    name_template: NameTemplateOption = None,
    output: ResultOption = Format.JSON,
) -> None:
    """Print the result of a job as JSON, and save its files.

    Examples:
    emp job result 7f3a
    emp job result 7f3a --output-dir out/
    emp job result 7f3a -o table
    """
    saving = read_saving(output_dir, name_template)
    leave(run(ctx, lambda emp: _result(emp, job, saving, output)))


async def _result(emp: "AsyncEmp", prefix: str, saving: Saving | None, output: Format) -> ExitCode:
    job = await emp.job(await emp.resolve(prefix))
    if job.state not in TERMINAL:
        hint = f"emp job unhold {job.id}" if job.held else f"emp job wait {job.id}"
        raise Conflict(f"job {job.id} is {state_of(job)} and has no result yet", hint=hint)
    if output is Format.JSON:
        await _write_result(emp, job.id)
    else:
        formats.write(await emp.artifacts(job.id), ARTIFACTS, Layout(output), nothing=NO_FILES)
    if job.state is JobState.CANCELLED:
        terminal.warn(f"job {job.id} was cancelled")
    elif saving and not await save(emp, job.id, saving):
        terminal.note(NO_FILES)
    await tell_notes(emp, job.id)
    return verdict([job])


async def _write_result(emp: "AsyncEmp", job_id: str) -> None:
    file = (await emp.outcome(job_id)).file
    if file is None or file.size <= MAX_WHOLE_RESULT:
        formats.write_json(await emp.result(job_id))
        return
    stream = JsonStream()
    async with aclosing(emp.result_stream(job_id)) as chunks:
        async for chunk in chunks:
            terminal.data(stream.text(chunk), end="")
    terminal.data("")
