"""`emp worker stop|restart|status|logs`: the workers of this machine."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.commands.worker.start import START_SECONDS
from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode
from emp_cli.input.options import FollowOption, TailOption, WatchOption, flag
from emp_cli.input.shaping import shows
from emp_cli.local.workers import LOCAL_WORKERS
from emp_cli.output import formats, terminal
from emp_cli.output.layout import Layout
from emp_cli.output.units import read_duration
from emp_cli.output.watching import Look, watching
from emp_cli.run import leave, run_alone

if TYPE_CHECKING:
    from emp_cli.local.roster import LocalProcess, Roster
    from emp_cli.local.workers import LocalWorker
    from emp_core.errors import EmpError


def local_worker_ids(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """What the shell offers: the workers of this machine."""
    from emp_core.errors import EmpError

    try:
        return [(each.name, "") for each in _roster().entries() if each.name.startswith(incomplete)]
    except EmpError:
        return []


LocalIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        autocompletion=local_worker_ids,
        help="Ids of workers of this machine, or their first characters. Default: the only one.",
    ),
]
ListedIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        autocompletion=local_worker_ids,
        help="Only these workers, by their ids or the first characters of these.",
    ),
]
LocalId = Annotated[
    str | None,
    typer.Argument(
        metavar="ID",
        autocompletion=local_worker_ids,
        help="The id of a worker of this machine, or its first characters. Default: the only one.",
    ),
]
EveryOption = Annotated[bool, flag("--all", "-a", help="All workers of this machine.")]
NowOption = Annotated[
    bool, flag("--now", help="Give the running jobs back to the queue, in place of waiting for them.")
]
WaitOption = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="TIME",
        help="Return after this time, such as 30 or 2m: exit code 8, the worker goes on stopping.",
    ),
]


def stop(
    ctx: typer.Context,
    ids: LocalIds = None,
    every: EveryOption = False,
    now: NowOption = False,
    wait: WaitOption = None,
) -> None:
    """Stop workers of this machine, once their running jobs are done.

    A worker takes no new jobs. It waits for its running jobs as long as its DRAIN_TIMEOUT_SECONDS says, then gives them
    back to the queue.

    Examples:
    emp worker stop
    emp worker stop gpu1:0 --now
    emp worker stop --all --wait 30s
    """
    session_of(ctx).check_change("stop workers")
    seconds = read_duration("wait", wait) if wait else None
    roster = _roster()
    leave(_stop(ctx, roster, _chosen(roster, ids, every), now, seconds))


def restart(
    ctx: typer.Context,
    ids: LocalIds = None,
    every: EveryOption = False,
    now: NowOption = False,
    wait: WaitOption = None,
) -> None:
    """Stop detached workers of this machine, and start them again with the same arguments, directory and environment.

    A worker that has died is started with the environment of this command.

    Examples:
    emp worker restart gpu1:0
    emp worker restart --all --now
    """
    from emp_cli.local.detached import again, ready, refuse_unfit

    session_of(ctx).check_change("restart workers")
    seconds = read_duration("wait", wait) if wait else None
    roster = _roster()
    entries = _chosen(roster, ids, every)
    refuse_unfit(entries)
    prepared = [again(entry, *(() if "--id" in entry.arguments else ("--id", entry.name))) for entry in entries]
    code = _stop(ctx, roster, entries, now, seconds)
    launches = [launch(roster) for entry, launch in zip(entries, prepared, strict=True) if not entry.lives]
    for entry in ready(launches, START_SECONDS):
        terminal.data(f"{entry.name}: started, process {entry.pid}")
    leave(code)


@shows(LOCAL_WORKERS)
def status(ctx: typer.Context, ids: ListedIds = None, watch: WatchOption = None, *, layout: Layout) -> None:
    """List the workers of this machine: their processes, their jobs, their logs.

    Examples:
    emp worker status
    emp worker status --watch
    emp worker status -o json
    """
    from emp_cli.local.workers import with_jobs
    from emp_core.clock import SystemClock

    roster, clock = _roster(), SystemClock()

    async def read() -> "tuple[Sequence[LocalWorker], EmpError | None]":
        return await with_jobs(session_of(ctx), _chosen(roster, ids, not ids))

    async def look() -> Look:
        workers, problem = await read()
        if problem:
            raise problem
        now, views = clock.now_ms(), {worker.process.name: LOCAL_WORKERS.view(worker) for worker in workers}
        return Look(now=now, views=views, write=lambda: formats.write(workers, LOCAL_WORKERS, layout, now))

    if watch:
        run_alone(ctx, watching(ctx, watch, layout).run(look))
        return
    workers, problem = run_alone(ctx, read())
    formats.show(workers, LOCAL_WORKERS, layout, clock.now_ms(), nothing=NONE)
    if problem:
        raise problem


def logs(ctx: typer.Context, worker: LocalId = None, follow: FollowOption = False, tail: TailOption = None) -> None:
    """Print the log of a worker that runs in the background here, or ran here last.

    Examples:
    emp worker logs --tail 20
    emp worker logs gpu1:0 -f
    """
    from emp_cli.local.reading import show_log

    show_log(ctx, _roster(), worker, follow, tail)


NONE = "no worker runs on this machine"


def _roster() -> "Roster":
    """Where a worker that starts here announces itself."""
    from daemons.worker.settings import WorkerSettings
    from emp_cli.local.roster import WORKER, Roster
    from emp_core.client.client_model import ClientModel
    from emp_core.environment import load_settings

    return Roster(load_settings(ClientModel, program=WorkerSettings).data_dir, WORKER)


def _chosen(roster: "Roster", ids: list[str] | None, every: bool) -> "list[LocalProcess]":
    from emp_cli.local.reading import chosen

    return chosen(roster, ids or [], everything=every)


def _stop(
    ctx: typer.Context, roster: "Roster", entries: "Sequence[LocalProcess]", now: bool, seconds: float | None
) -> ExitCode:
    """Tell what still runs, ask the workers to stop, and wait."""
    from emp_cli.local.detached import ask_to_stop, endings

    if not entries:
        terminal.note(NONE)
    for entry in entries:
        if not entry.lives:
            terminal.data(f"{entry.name}: had died already; its log is {entry.log}")
            roster.forget(entry)
    left = {entry.pid: entry for entry in entries if entry.lives}
    if left:
        run_alone(ctx, _tell_jobs(session_of(ctx), list(left.values()), now))
    for entry in left.values():
        ask_to_stop(entry, now=now)
    try:
        for entry in endings(list(left.values()), seconds):
            # What it did not remove itself: something else killed it meanwhile.
            roster.forget(entry)
            del left[entry.pid]
            terminal.data(f"{entry.name}: stopped")
    except KeyboardInterrupt:
        terminal.note(f"\nstill stopping: {_names(left.values())}; `emp worker status` shows them")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if not left:
        return ExitCode.OK
    terminal.fail(
        f"still stopping: {_names(left.values())}", "emp worker stop --now gives the running jobs back to the queue"
    )
    return ExitCode.TIMEOUT


def _names(entries: "Iterable[LocalProcess]") -> str:
    return ", ".join(entry.name for entry in entries)


async def _tell_jobs(session: Session, entries: "Sequence[LocalProcess]", now: bool) -> None:
    from emp_cli.local.workers import with_jobs

    workers, problem = await with_jobs(session, entries)
    if problem:
        terminal.warn(f"the jobs that still run are not known: {problem.message}")
    for each in workers:
        if each.jobs:
            verb = "gives back" if now else "waits for"
            terminal.note(f"{each.process.name} {verb} {', '.join(each.jobs)}")
