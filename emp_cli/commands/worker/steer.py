"""`emp worker pause|resume|drain`: each for any number of workers."""

from typing import Annotated

import typer

from emp_cli.input.completing import worker_filters, worker_ids
from emp_cli.input.options import ReasonOption, flag
from emp_cli.input.shaping import shows
from emp_cli.orders import steering
from emp_cli.orders.workers import WorkerChoice, steer
from emp_cli.output.columns import WORKERS
from emp_cli.output.layout import Layout
from emp_core.domain.worker import WorkerState

SomeWorkerIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        autocompletion=worker_ids,
        help="Worker ids, or their first characters; - reads them from stdin. Or use --all, --machine and so on.",
    ),
]
EveryOption = Annotated[bool, flag("--all", "-a", help="All live workers.")]
ServiceOption = Annotated[str | None, typer.Option("--service", metavar="NAME", help="All workers of this service.")]
MachineOption = Annotated[str | None, typer.Option("--machine", metavar="NAME", help="All workers of this machine.")]
StateOption = Annotated[
    WorkerState | None,
    typer.Option("--state", metavar="STATE", help="All workers in this state: ready, paused, draining or fenced."),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        autocompletion=worker_filters,
        help="All workers that match a filter, such as 'machine:gpu1 busy=0'; see docs/filters.md.",
    ),
]
DryRunOption = Annotated[bool, flag("--dry-run", help="Show the workers, and change nothing.")]
YesOption = Annotated[
    bool, flag("--yes", "-y", help="Do not ask before changing several that --all and the like find.")
]


@shows(WORKERS)
def pause(
    ctx: typer.Context,
    ids: SomeWorkerIds = None,
    every: EveryOption = False,
    service: ServiceOption = None,
    machine: MachineOption = None,
    state: StateOption = None,
    where: WhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: ReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Stop workers taking new jobs.

    They finish their running jobs. They stay paused, also after a restart, until `emp worker resume`.

    Examples:
    emp worker pause gpu1:0 gpu2:0 -m "driver update"
    emp worker pause --machine gpu1
    emp worker pause --where 'service:comfyui gpu<24'
    """
    steer(ctx, steering.pause(reason), _choice(ids, every, service, machine, state, where, dry_run, yes), layout)


@shows(WORKERS)
def resume(
    ctx: typer.Context,
    ids: SomeWorkerIds = None,
    every: EveryOption = False,
    service: ServiceOption = None,
    machine: MachineOption = None,
    state: StateOption = None,
    where: WhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: ReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Let paused, draining or fenced workers take jobs again.

    Examples:
    emp worker resume gpu1:0
    emp worker resume --state paused
    """
    steer(ctx, steering.resume(reason), _choice(ids, every, service, machine, state, where, dry_run, yes), layout)


@shows(WORKERS)
def drain(
    ctx: typer.Context,
    ids: SomeWorkerIds = None,
    every: EveryOption = False,
    service: ServiceOption = None,
    machine: MachineOption = None,
    state: StateOption = None,
    where: WhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: ReasonOption = "",
    *,
    layout: Layout,
) -> None:
    """Let workers finish their jobs and take no new ones.

    They take jobs again after a restart or `emp worker resume`.

    Examples:
    emp worker drain gpu1:0 -m "hardware swap"
    emp worker drain --service comfyui --dry-run
    """
    steer(ctx, steering.drain(reason), _choice(ids, every, service, machine, state, where, dry_run, yes), layout)


def _choice(
    ids: list[str] | None,
    every: bool,
    service: str | None,
    machine: str | None,
    state: WorkerState | None,
    where: str | None,
    dry_run: bool,
    yes: bool,
) -> WorkerChoice:
    from emp_core.domain.filter import parse_workers

    return WorkerChoice(
        ids=ids or [],
        every=every,
        service=service,
        machine=machine,
        state=state,
        where=None if where is None else parse_workers(where),
        dry_run=dry_run,
        yes=yes,
    )
