"""`emp submit`: jobs from options, files and stdin."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from emp_cli import submitting
from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode, code_of
from emp_cli.options import OutputDirOption, OutputOption, TimeoutOption
from emp_cli.output import formats, terminal
from emp_cli.output.explanation import write_explanation
from emp_cli.output.formats import Format
from emp_cli.output.units import read_duration
from emp_cli.request import Asked, Line, read_inputs, read_texts, requests
from emp_cli.run import leave, run
from emp_cli.waiting import farewell, tell_ends, wait_for
from emp_core.domain.explain import Explanation
from emp_core.domain.standing import Tier
from emp_core.domain.views import explanation_view, job_view
from emp_core.errors import EmpError, InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.store import Submitted

BATCH = 500


HELP = """\
Submit a job, and print its id.

Examples:
emp submit --workflow flux.json --set KSampler.seed=7 --wait --output-dir out/
emp submit --service simulation --set duration=2 --require gpu_memory_gb=24
emp submit --service comfyui --payload request.json --priority 80 --follow
cat jobs.jsonl | emp submit - | emp job wait -
"""


def submit(
    ctx: typer.Context,
    source: submitting.Source = None,
    service: submitting.Service = None,
    job_type: submitting.JobType = None,
    workflow: submitting.Workflow = None,
    payload: submitting.Payload = None,
    template: submitting.Template = None,
    settings: submitting.Settings = None,
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
    job_id: submitting.JobId = None,
    idempotency_key: submitting.IdempotencyKey = None,
    wait: submitting.Wait = False,
    follow: submitting.Follow = False,
    timeout: TimeoutOption = None,
    output_dir: OutputDirOption = None,
    dry_run: submitting.DryRun = False,
    require_worker: submitting.RequireWorker = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Submit a job, and print its id."""
    asked = Asked(**{name: ctx.params[name] for name in Asked.__dataclass_fields__})
    then = _then(ctx.params)
    leave(run(ctx, partial(_submit, session_of(ctx), asked, read_texts(asked), then)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What is to happen beside storing the jobs."""

    wait: bool
    follow: bool
    seconds: float | None
    """How long the wait may be."""

    output_dir: str | None
    dry_run: bool
    require_worker: bool
    output: Format

    @property
    def waits(self) -> bool:
        """Whether the command stays until the jobs have ended."""
        return self.wait or self.follow or bool(self.output_dir)


def _then(given: Mapping[str, Any]) -> Then:
    """What is wrong with it is said before anything is stored."""
    seconds = read_duration("timeout", given["timeout"]) if given["timeout"] else None
    names = [name for name in Then.__dataclass_fields__ if name != "seconds"]
    then = Then(seconds=seconds, **{name: given[name] for name in names})
    if given["timeout"] and not then.waits:
        raise InvalidInput("timeout", "needs --wait or --follow; --job-timeout limits a run")
    if then.dry_run and then.output is Format.IDS:
        raise InvalidInput("format", "--dry-run supports only table, json, jsonl and csv")
    return then


async def _submit(session: Session, asked: Asked, texts: Mapping[str, str], then: Then, emp: "AsyncEmp") -> ExitCode:
    if then.output_dir:
        emp.check_files()
    lines = requests(asked, texts, await emp.now_ms())
    if not lines:
        terminal.note("the input has no requests; nothing was submitted")
    if then.follow and len(lines) > 1:
        raise InvalidInput("follow", "works with one job only; use --wait for several")
    if then.dry_run or then.require_worker:
        explanations = [await emp.preview(line.body) for line in lines]
        if then.dry_run:
            _write_previews(explanations, then.output)
        code = _lacking(explanations) if then.require_worker else ExitCode.OK
        if then.dry_run or code:
            return code
    stored, code = await _store(emp, lines, read_inputs(asked))
    session.farewell = farewell([each.id for each in stored])
    _write_stored(emp, stored, then)
    await _warn_unworkable(emp, stored)
    if then.waits and stored:
        code = max(code, await _wait(emp, [each.id for each in stored], then))
    return code


def _write_previews(explanations: Sequence[Explanation], output: Format) -> None:
    if output is Format.TABLE:
        for explanation in explanations:
            write_explanation(explanation)
    else:
        formats.write_one_or_all([explanation_view(each) for each in explanations], output)


def _lacking(explanations: Sequence[Explanation]) -> ExitCode:
    """Say what no worker can do; nothing is submitted then."""
    never = [each for each in explanations if each.tier is Tier.NEVER]
    for explanation in never:
        near = f"; {explanation.nearest[0].sentence()}" if explanation.nearest else ""
        terminal.fail(f"not submitted: {explanation.reasons[0].text}{near}", explanation.reasons[0].hint)
    return ExitCode.NO_WORKER if never else ExitCode.OK


async def _store(
    emp: "AsyncEmp", lines: Sequence[Line], inputs: Mapping[str, Path]
) -> tuple[list["Submitted"], ExitCode]:
    """Submit one job, or many line by line: what is wrong with one does not keep the others."""
    if len(lines) == 1:
        return [await emp.submit(lines[0].body, inputs=inputs)], ExitCode.OK
    if inputs:
        raise InvalidInput("file", "works with one job only")
    stored: list[Submitted] = []
    code = ExitCode.OK
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        for line, answer in zip(batch, await emp.submit_many([line.body for line in batch]), strict=True):
            if isinstance(answer, EmpError):
                terminal.fail(f"line {line.number}: {answer.message}", answer.hint)
                code = code_of(answer)
            else:
                stored.append(answer)
    return stored, code


def _write_stored(emp: "AsyncEmp", stored: Sequence["Submitted"], then: Then) -> None:
    if then.output in (Format.TABLE, Format.IDS):
        for each in stored:
            terminal.data(each.id)
    elif not then.waits:
        durability = emp.queue.durability
        formats.write_one_or_all([{**asdict(each), "durability": durability} for each in stored], then.output)


async def _warn_unworkable(emp: "AsyncEmp", stored: Sequence["Submitted"]) -> None:
    lacking = [each for each in stored if not each.workable]
    if len(lacking) == 1:
        explanation = await emp.explain(lacking[0].id)
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
    for job in jobs if then.output_dir else ():
        for path in await emp.download(job.id, Path(then.output_dir or ".")):
            terminal.note(f"saved {path}")
    if then.output not in (Format.TABLE, Format.IDS):
        formats.write_one_or_all([job_view(job) for job in jobs], then.output)
    return code
