"""Each option that several commands share, once."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from emp_cli.input.completing import customers, filters, job_ids, services, worker_ids, workflows
from emp_cli.input.last import with_last
from emp_cli.output.layout import Format
from emp_core.domain.states import HELD, JobState

FLAG = ""
"""In the place of what a flag takes."""


def flag(*names: str, **more: Any) -> Any:
    """An option that takes nothing."""
    return typer.Option(*names, metavar=FLAG, **more)


def _format(help: str) -> Any:
    return typer.Option("--format", "-o", metavar="FORMAT", help=f"{help}, on stdout.")


OutputOption = Annotated[Format, _format("table, wide, json, jsonl, yaml, csv or ids")]
ReportOption = Annotated[Format, _format("table, json, jsonl or yaml")]
SummaryOption = Annotated[Format, _format("table, json, jsonl, yaml or csv")]
ResultOption = Annotated[Format, _format("json is the result; the other formats list its files")]

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only what was submitted, or happened, since then: 10m (ago), or 2026-01-31T18:00.",
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only what was until then.")]

LimitOption = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="Show at most N.")]
JobLimitOption = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="Show at most N.")]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        autocompletion=filters,
        help="Only jobs that match a filter, such as 'label.batch:42 age>10m'; see docs/filters.md.",
    ),
]
OrderWhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        autocompletion=filters,
        help="All jobs that match a filter, in place of ids; see docs/filters.md.",
    ),
]
DryRunOption = Annotated[bool, flag("--dry-run", help="Show the jobs, and change nothing.")]
YesOption = Annotated[bool, flag("--yes", "-y", help="Do not ask before changing the jobs that --where finds.")]
AllOption = Annotated[bool, flag("--all", "-a", help="Show all that match, whatever --limit says.")]
SearchAllOption = Annotated[
    bool, flag("--search-all", help="Look at every job, also where no list finds those that match.")
]
WatchOption = Annotated[
    float | None,
    typer.Option("--watch", "-w", metavar="[SECONDS]", min=0.2, help="Refresh every 2 s, or as given, until Ctrl-C."),
]
FollowOption = Annotated[bool, flag("--follow", "-f", help="Print new entries as they come, until Ctrl-C.")]
DetachOption = Annotated[
    bool, flag("--detach", "-d", help="Return when it is ready, and leave it running in the background.")
]
ReasonOption = Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="A reason, shown in `emp workers`.")]
OrderReasonOption = Annotated[
    str, typer.Option("--reason", "-m", metavar="TEXT", help="A reason, shown in `emp audit`.")
]
TailOption = Annotated[int | None, typer.Option("--tail", "-n", metavar="N", min=0, help="Only the last N lines.")]
LogFileOption = Annotated[
    str | None, typer.Option("--log-file", hidden=True, help="The file that --detach has sent the output to.")
]
TimeoutOption = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="TIME",
        help="Stop waiting after this time, such as 90s or 10m: exit code 8, the job continues.",
    ),
]
OutputDirOption = Annotated[
    str | None, typer.Option("--output-dir", metavar="DIR", help="Save the result's files in this directory.")
]

NameTemplateOption = Annotated[
    str | None,
    typer.Option(
        "--name-template",
        metavar="TEXT",
        help="Name the files by this text; in braces it takes the fields job, attempt, index, name, folder, stem, ext, "
        "node and kind. Default: the names and folders that the service gave.",
    ),
]

JobIds = Annotated[
    list[str],
    typer.Argument(
        metavar="ID",
        autocompletion=job_ids,
        callback=with_last,
        help="Job ids, or their first 4 or more characters; @last is the last one submitted; - reads stdin.",
    ),
]
SomeJobIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        autocompletion=job_ids,
        callback=with_last,
        help="Job ids, or their first 4 or more characters; @last is the last one submitted; - reads stdin. "
        "Or use --where.",
    ),
]
OneJob = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        autocompletion=job_ids,
        callback=with_last,
        help="A job id, or its first 4 or more characters; @last is the last one submitted.",
    ),
]
WorkerId = Annotated[
    str, typer.Argument(metavar="ID", autocompletion=worker_ids, help="A worker id, or its first characters.")
]


class Status(StrEnum):
    """A job's state as lists show it."""

    BLOCKED = JobState.BLOCKED
    DELAYED = JobState.DELAYED
    HELD = HELD
    PENDING = JobState.PENDING
    ACTIVE = JobState.ACTIVE
    CANCELLING = JobState.CANCELLING
    COMPLETED = JobState.COMPLETED
    FAILED = JobState.FAILED
    CANCELLED = JobState.CANCELLED


StatusOption = Annotated[
    list[Status] | None,
    typer.Option(
        "--status", "-s", metavar="STATE", help=f"Only jobs in this state; may be repeated: {', '.join(Status)}."
    ),
]
ServiceOption = Annotated[
    str | None,
    typer.Option(
        "--service",
        metavar="NAME",
        autocompletion=services,
        help="Only jobs or workers of this service, such as comfyui.",
    ),
]
CustomerOption = Annotated[
    str | None,
    typer.Option("--customer", metavar="ID", autocompletion=customers, help="Only this customer's jobs."),
]
WorkerOption = Annotated[
    str | None,
    typer.Option(
        "--worker", metavar="ID", autocompletion=worker_ids, help="Only jobs that this worker runs, or ran last."
    ),
]
WorkflowOption = Annotated[
    str | None,
    typer.Option(
        "--workflow-id",
        "--workflow",
        metavar="ID",
        autocompletion=workflows,
        help="Only jobs of this workflow.",
    ),
]
UnworkableOption = Annotated[bool, flag("--unworkable", help="Only jobs that no live worker can run.")]
