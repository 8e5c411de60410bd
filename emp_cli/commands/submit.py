"""`emp submit`: jobs from options, files and stdin."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode
from emp_cli.group import Commands
from emp_cli.input.last import remember
from emp_cli.input.options import NameTemplateOption, OutputDirOption, OutputOption, TimeoutOption
from emp_cli.output import formats, terminal
from emp_cli.output.explanation import write_explanation
from emp_cli.output.layout import Format, Layout
from emp_cli.output.saving import Saving, read_saving, save, tell_notes
from emp_cli.output.units import read_duration
from emp_cli.output.waiting import farewell, tell_ends, wait_for
from emp_cli.run import leave, run
from emp_cli.submit import options as submitting
from emp_cli.submit.bulk import Bulk, open_batch
from emp_cli.submit.request import Asked, Line, digest_of, read_inputs, read_texts, requests
from emp_core.domain.explain import Explanation
from emp_core.domain.explanation_views import explanation_view
from emp_core.domain.standing import Tier
from emp_core.domain.states import JobState
from emp_core.domain.views import job_view
from emp_core.errors import InvalidInput, QueueUnavailable
from emp_core.ids import new_job_id

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.store import Submitted

HELP = """\
Submit a job, and print its id.

Examples:
emp submit --graph flux.json --set KSampler.seed=7 --wait --output-dir out/
emp submit --service simulation --set duration=2 --require gpu_memory_gb=24
emp submit --service comfyui --payload request.json --priority 80 --follow
cat jobs.jsonl | emp submit - | emp job wait -
emp submit jobs.jsonl --resume BATCH
"""

app = Commands()


@app.command("submit", help=HELP)
def submit(
    ctx: typer.Context,
    source: submitting.Source = None,
    service: submitting.Service = None,
    job_type: submitting.JobType = None,
    graph: submitting.Graph = None,
    payload: submitting.Payload = None,
    template: submitting.Template = None,
    settings: submitting.Settings = None,
    set_new: submitting.SetNew = False,
    files: submitting.Files = None,
    priority: submitting.Priority = None,
    require: submitting.Require = None,
    requirements: submitting.Requirements = None,
    run_at: submitting.RunAt = None,
    delay: submitting.Delay = None,
    deadline: submitting.Deadline = None,
    depends_on: submitting.DependsOn = None,
    max_failures: submitting.MaxFailures = None,
    job_timeout: submitting.JobTimeout = None,
    customer: submitting.Customer = None,
    workflow_id: submitting.WorkflowId = None,
    labels: submitting.Labels = None,
    job_id: submitting.JobId = None,
    idempotency_key: submitting.IdempotencyKey = None,
    resume: submitting.Resume = None,
    wait: submitting.Wait = False,
    follow: submitting.Follow = False,
    timeout: TimeoutOption = None,
    output_dir: OutputDirOption = None,
    name_template: NameTemplateOption = None,
    dry_run: submitting.DryRun = False,
    require_worker: submitting.RequireWorker = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Submit a job, and print its id."""
    if not dry_run:
        session_of(ctx).check_change("submit jobs")
    asked = Asked(**{name: ctx.params[name] for name in Asked.__dataclass_fields__})
    leave(run(ctx, partial(_submit, session_of(ctx), asked, read_texts(asked), _then(ctx.params))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What is to happen beside storing the jobs."""

    wait: bool
    follow: bool
    seconds: float | None
    """How long the wait may be."""

    saving: Saving | None
    """Where the files go."""

    dry_run: bool
    require_worker: bool
    resume: str | None
    output: Format

    @property
    def waits(self) -> bool:
        """Whether the command stays until the jobs have ended."""
        return self.wait or self.follow or self.saving is not None


def _then(given: Mapping[str, Any]) -> Then:
    """What is wrong with it is said before anything is stored."""
    seconds = read_duration("timeout", given["timeout"]) if given["timeout"] else None
    saving = read_saving(given["output_dir"], given["name_template"])
    names = [name for name in Then.__dataclass_fields__ if name not in ("seconds", "saving")]
    then = Then(seconds=seconds, saving=saving, **{name: given[name] for name in names})
    if given["timeout"] and not then.waits:
        raise InvalidInput("timeout", "needs --wait or --follow; --job-timeout limits a run")
    if then.resume and not given["source"]:
        raise InvalidInput("resume", "needs the requests: FILE, or - for stdin")
    if then.dry_run and then.output is Format.IDS:
        raise InvalidInput("format", "--dry-run supports only table, json, jsonl and csv")
    return then


async def _submit(session: Session, asked: Asked, texts: Mapping[str, str], then: Then, emp: "AsyncEmp") -> ExitCode:
    if then.saving:
        emp.check_files()
    lines = requests(asked, texts, await emp.now_ms())
    if not lines:
        terminal.note("the input has no requests; nothing was submitted")
    if then.follow and len(lines) > 1:
        raise InvalidInput("follow", "works with one job only; use --wait for several")
    if then.dry_run or then.require_worker:
        explanations = [await emp.preview(line.request()) for line in lines]
        if then.dry_run:
            _write_previews(explanations, then.output)
            terminal.note("this was a dry run: nothing was submitted")
        code = _lacking(explanations) if then.require_worker else ExitCode.OK
        if then.dry_run or code:
            return code
    inputs = read_inputs(asked)
    if len(lines) > 1 or then.resume:
        if inputs:
            raise InvalidInput("file", "works with one job only")
        stored, code = await _submit_lines(session, emp, lines, digest_of(asked, texts), then)
    else:
        stored, code = await _submit_one(session, emp, lines, inputs, then)
    remember([each.id for each in stored])
    session.farewell = farewell([each.id for each in stored])
    await _warn_unworkable(emp, stored)
    if then.waits and stored:
        code = max(code, await _wait(emp, [each.id for each in stored], then))
    return code


def _write_previews(explanations: Sequence[Explanation], output: Format) -> None:
    if output.is_table:
        for explanation in explanations:
            write_explanation(explanation)
    else:
        formats.write_views([explanation_view(each) for each in explanations], Layout(output))


def _lacking(explanations: Sequence[Explanation]) -> ExitCode:
    """Say what no worker can do; nothing is submitted then."""
    never = [each for each in explanations if each.tier is Tier.NEVER]
    for explanation in never:
        near = f"; {explanation.nearest[0].sentence()}" if explanation.nearest else ""
        hint = explanation.reasons[0].hint or "--dry-run shows what each worker lacks"
        terminal.fail(f"not submitted: {explanation.reasons[0].text}{near}", hint)
    return ExitCode.NO_WORKER if never else ExitCode.OK


async def _submit_one(
    session: Session, emp: "AsyncEmp", lines: Sequence[Line], inputs: Mapping[str, Path], then: Then
) -> tuple[list["Submitted"], ExitCode]:
    stored: list[Submitted] = []
    for line in lines:
        body = line.body
        drawn = None if body.get("id") or body.get("idempotency_key") else new_job_id()
        again = session.command(*(("--id", drawn) if drawn else ()))
        how = "submit it again with the same input, and it is stored once:"
        session.farewell = f"the job may be stored; {how}\n{again}"
        try:
            answer = await emp.submit(line.request(drawn), inputs=inputs)
        except QueueUnavailable as error:
            terminal.fail(f"{error.message}; job {error.job_ids[0]} may be stored")
            terminal.hint_line(how)
            terminal.note(again)
            return [], ExitCode.UNAVAILABLE
        stored.append(replace(answer, repeated=answer.repeated and answer.id != drawn))
    _write_stored(emp, stored, then)
    return stored, ExitCode.OK


async def _submit_lines(
    session: Session, emp: "AsyncEmp", lines: Sequence[Line], digest: str, then: Then
) -> tuple[list["Submitted"], ExitCode]:
    """Submit many; as far as the format allows, each is written as soon as it is stored.

    Without an answer from the queue nothing can follow, so no jobs are returned.
    """
    batch = open_batch(digest, lines, then.resume)
    at_once = then.output.is_table or then.output is Format.IDS or (then.output is Format.JSONL and not then.waits)
    again = session.command(*(() if then.resume else ("--resume", batch.id)))
    bulk = Bulk(session, batch, lines, lambda some: _write_stored(emp, some, then) if at_once else None, again)
    code = await bulk.run(emp)
    if not at_once:
        _write_stored(emp, bulk.stored, then)
    return [] if bulk.lost else bulk.stored, code


def _write_stored(emp: "AsyncEmp", stored: Sequence["Submitted"], then: Then) -> None:
    if then.output.is_table or then.output is Format.IDS:
        if stored:
            terminal.data("\n".join(each.id for each in stored))
    elif not then.waits:
        durability = emp.queue.durability
        formats.write_views([{**asdict(each), "durability": durability} for each in stored], Layout(then.output))


async def _warn_unworkable(emp: "AsyncEmp", stored: Sequence["Submitted"]) -> None:
    lacking = [each for each in stored if not each.workable]
    if len(lacking) == 1:
        explanation = await emp.explain(lacking[0].id)
        if explanation.tier is not Tier.NEVER:  # a worker has come since
            return
        near = f"; nearest: {explanation.nearest[0].sentence()}" if explanation.nearest else ""
        terminal.warn(f"{explanation.reasons[0].text}{near}")
        terminal.hint_line(explanation.reasons[0].hint or f"emp explain {lacking[0].id}")
    elif lacking:
        terminal.warn(f"no live worker can run {len(lacking)} of these jobs")
        terminal.hint_line("emp jobs --unworkable")


async def _wait(emp: "AsyncEmp", job_ids: Sequence[str], then: Then) -> ExitCode:
    story = terminal.note if then.follow else None
    jobs, code = await wait_for(emp, job_ids, seconds=then.seconds, tell=story)
    await tell_ends(emp, jobs)
    for job in jobs:
        if then.saving:
            await save(emp, job.id, then.saving)
        if job.state is JobState.COMPLETED:
            await tell_notes(emp, job.id)
    if not (then.output.is_table or then.output is Format.IDS):
        formats.write_views([job_view(job) for job in jobs], Layout(then.output))
    return code
