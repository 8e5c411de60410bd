"""Each option that several commands share, once."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from emp_cli.completing import job_ids, worker_ids
from emp_cli.output.formats import Format
from emp_core.domain.states import HELD, JobState

FLAG = ""
"""In the place of what a flag takes."""


def flag(*names: str, **more: Any) -> Any:
    """An option that takes nothing."""
    return typer.Option(*names, metavar=FLAG, **more)


def _format(help: str) -> Any:
    return typer.Option("--format", "-o", metavar="FORMAT", help=f"{help}, on stdout.")


OutputOption = Annotated[Format, _format("table, json, jsonl, csv or ids")]
ReportOption = Annotated[Format, _format("table, json or jsonl")]
SummaryOption = Annotated[Format, _format("table, json, jsonl or csv")]
ResultOption = Annotated[Format, _format("json is the result; table, jsonl, csv and ids list its files")]

LimitOption = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000, help="How many at most.")]
WatchOption = Annotated[bool, flag("--watch", "-w", help="Show it anew every 2 s, until Ctrl-C.")]
FollowOption = Annotated[bool, flag("--follow", "-f", help="Go on with what comes, until Ctrl-C.")]
ReasonOption = Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="Why, for whoever looks at it.")]
TimeoutOption = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Wait no longer, such as 90s or 10m; exit code 8, the job goes on."),
]
OutputDirOption = Annotated[
    str | None, typer.Option("--output-dir", metavar="DIR", help="Save the files of the result in this directory.")
]

JobIds = Annotated[
    list[str],
    typer.Argument(
        metavar="ID",
        autocompletion=job_ids,
        help="Jobs, each by the first 4 or more characters of its id; - reads them from stdin.",
    ),
]
OneJob = Annotated[
    str,
    typer.Argument(metavar="ID", autocompletion=job_ids, help="A job, by the first 4 or more characters of its id."),
]
WorkerId = Annotated[
    str, typer.Argument(metavar="ID", autocompletion=worker_ids, help="A worker, as `emp workers` names it.")
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
    typer.Option("--status", "-s", metavar="STATE", help=f"Only this state, or several: {', '.join(Status)}."),
]
ServiceOption = Annotated[
    str | None, typer.Option("--service", metavar="NAME", help="Only this service, such as comfyui.")
]
CustomerOption = Annotated[str | None, typer.Option("--customer", metavar="ID", help="Only this customer's jobs.")]
WorkerOption = Annotated[
    str | None,
    typer.Option("--worker", metavar="ID", autocompletion=worker_ids, help="Only what this worker has, or had last."),
]
WorkflowOption = Annotated[
    str | None, typer.Option("--workflow", metavar="ID", help="Only jobs with this --workflow-id.")
]
UnworkableOption = Annotated[bool, flag("--unworkable", help="Only jobs that no live worker can do.")]
