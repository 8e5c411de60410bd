"""`emp submit`: jobs from options, files and stdin."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode, code_of
from emp_cli.options import FLAG, OutputDirOption, OutputOption, TimeoutOption
from emp_cli.output import formats, terminal
from emp_cli.output.explanation import write_explanation
from emp_cli.output.formats import Format
from emp_cli.output.units import read_duration
from emp_cli.request import Asked, Line, read_inputs, read_requests
from emp_cli.run import leave, run
from emp_cli.waiting import farewell, tell_ends, wait_for
from emp_core.domain.explain import Explanation, Tier
from emp_core.domain.views import explanation_view, job_view
from emp_core.errors import EmpError, InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.store import Submitted

WORK, PLACE, WHO, AFTER = "What it does", "When and where it runs", "Who it is", "Then"
BATCH = 500


HELP = """\
Submit a job, and print its id.

\b
emp submit --workflow flux.json --set KSampler.seed=7 --wait --output-dir out/
emp submit --service simulation --set duration=2 --require gpu_memory_gb=24
emp submit --service ollama --payload chat.json --priority 80 --follow
cat jobs.jsonl | emp submit - | emp job wait -
"""


def _option(names: str, metavar: str, help: str, panel: str) -> Any:
    return typer.Option(*names.split(), metavar=metavar, help=help, rich_help_panel=panel)


def submit(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Argument(metavar="FILE", help="Requests: JSON, JSONL; - is stdin.")] = None,
    service: Annotated[str | None, _option("--service", "NAME", "The backend, such as comfyui.", WORK)] = None,
    job_type: Annotated[str | None, _option("--type", "NAME", "The kind of job, such as txt2img.", WORK)] = None,
    workflow: Annotated[str | None, _option("--workflow", "FILE", "A ComfyUI graph (API form).", WORK)] = None,
    payload: Annotated[str | None, _option("--payload", "FILE", "What the service is sent, as JSON.", WORK)] = None,
    template: Annotated[str | None, _option("--template", "NAME", "A template, filled with --set.", WORK)] = None,
    settings: Annotated[list[str] | None, _option("--set", "X=Y", "A value; in a graph node.input=Y.", WORK)] = None,
    files: Annotated[
        list[str] | None, _option("--file", "X=PATH", "An input file, as the graph names it.", WORK)
    ] = None,
    priority: Annotated[int | None, _option("--priority -p", "N", "0 to 100, higher first.", PLACE)] = None,
    require: Annotated[list[str] | None, _option("--require", "X=Y", "gpu_memory_gb=24, models=a,b …", PLACE)] = None,
    requirements: Annotated[str | None, _option("--requirements", "JSON", "The same, as an object.", PLACE)] = None,
    run_at: Annotated[str | None, _option("--run-at", "TIME", "Not before, such as 2026-01-31T18:00.", PLACE)] = None,
    delay: Annotated[str | None, _option("--delay", "TIME", "Not before so long from now: 10m.", PLACE)] = None,
    deadline: Annotated[str | None, _option("--deadline", "TIME", "Fail it if not started by then.", PLACE)] = None,
    depends_on: Annotated[list[str] | None, _option("--depends-on", "ID", "After this job.", PLACE)] = None,
    max_failures: Annotated[int | None, _option("--max-failures", "N", "Runs that may fail.", PLACE)] = None,
    job_timeout: Annotated[str | None, _option("--job-timeout", "TIME", "The longest run.", PLACE)] = None,
    customer: Annotated[str | None, _option("--customer", "ID", "Whose job it is.", WHO)] = None,
    workflow_id: Annotated[str | None, _option("--workflow-id", "ID", "The jobs it belongs with.", WHO)] = None,
    job_id: Annotated[str | None, _option("--id", "ID", "Its own id, if not a drawn one.", WHO)] = None,
    idempotency_key: Annotated[str | None, _option("--idempotency-key", "KEY", "Safe to repeat.", WHO)] = None,
    wait: Annotated[bool, _option("--wait", FLAG, "Until it ends; the exit code says how.", AFTER)] = False,
    follow: Annotated[bool, _option("--follow", FLAG, "The same, telling what happens.", AFTER)] = False,
    timeout: TimeoutOption = None,
    output_dir: OutputDirOption = None,
    dry_run: Annotated[bool, _option("--dry-run", FLAG, "Only say what would become of it.", AFTER)] = False,
    require_worker: Annotated[bool, _option("--require-worker", FLAG, "Only if a worker can do it.", AFTER)] = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """Submit a job, and print its id."""
    asked = Asked(**{name: ctx.params[name] for name in Asked.__dataclass_fields__})
    then = Then(**{name: ctx.params[name] for name in Then.__dataclass_fields__})
    leave(run(ctx, partial(_submit, session_of(ctx), asked, then)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What is to happen beside storing the jobs."""

    wait: bool
    follow: bool
    timeout: str | None
    output_dir: str | None
    dry_run: bool
    require_worker: bool
    output: Format

    @property
    def waits(self) -> bool:
        """Whether the command stays until the jobs have ended."""
        return self.wait or self.follow or bool(self.output_dir)


async def _submit(session: Session, asked: Asked, then: Then, emp: "AsyncEmp") -> ExitCode:
    if then.output_dir:
        emp.check_files()
    lines = read_requests(asked, await emp.now_ms())
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
    elif output is Format.IDS:
        raise InvalidInput("format", "a dry run has no ids")
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
        raise InvalidInput("file", "goes with one job only")
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
        terminal.warn(f"no live worker can do {len(lacking)} of these jobs")
        terminal.hint_line("emp jobs --unworkable")


async def _wait(emp: "AsyncEmp", job_ids: Sequence[str], then: Then) -> ExitCode:
    seconds = read_duration("timeout", then.timeout) if then.timeout else None
    story = terminal.note if then.follow else None
    jobs, code = await wait_for(emp, job_ids, seconds=seconds, tell=story)
    await tell_ends(emp, jobs)
    for job in jobs if then.output_dir else ():
        for path in await emp.download(job.id, Path(then.output_dir or ".")):
            terminal.note(f"saved {path}")
    if then.output not in (Format.TABLE, Format.IDS):
        formats.write_one_or_all([job_view(job) for job in jobs], then.output)
    return code
