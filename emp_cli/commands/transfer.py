"""`emp export` and `emp import`: waiting jobs to and from files and other queues."""

import os
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.context import Session, opened, session_of
from emp_cli.exits import ExitCode
from emp_cli.input.arguments import hide_password
from emp_cli.input.options import OrderReasonOption, WhereOption, flag
from emp_cli.output import terminal
from emp_cli.output.clean import ascii_json
from emp_cli.output.refusals import Refusals
from emp_cli.output.units import count_jobs
from emp_cli.run import leave, run_alone
from emp_core.errors import EmpError, InvalidInput
from emp_core.variables import IMPORT_FROM

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore
    from emp_core.client.locate import Location
    from emp_core.client.transfer.exporting import Export
    from emp_core.client.transfer.importing import Import
    from emp_core.client.transfer.predecessors import Written

STREAM = "-"


class Orphans(StrEnum):
    """What becomes of a job that waits for one that is in neither the queue nor the file."""

    HOLD = "hold"
    DROP = "drop"
    FAIL = "fail"


def _files_beside(file: str) -> Path:
    return Path(f"{file}.files").resolve()


def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A new file; - is stdout.")] = STREAM,
    where: WhereOption = None,
    with_files: Annotated[
        bool, flag("--with-files", help="Copy large payloads and input files too, to the directory FILE.files.")
    ] = False,
    resume: Annotated[bool, flag("--resume", help="Go on with a file whose export did not finish.")] = False,
) -> None:
    """Write the waiting jobs to a file, for another queue.

    Pending, delayed, held and blocked jobs with their places, priorities, dependencies, idempotency keys, labels and
    payloads, a line of JSON each. The jobs stay in this queue and can start meanwhile: hold them first, or move them
    with `emp import --from URL --take`. What was tried before, and logs, are not in the file.

    Examples:
    emp export queue.jsonl --with-files
    emp export --where 'customer:acme' | emp --redis redis://new:6379 import -
    """
    if file == STREAM and (with_files or resume):
        raise InvalidInput("file", f"give a file: {'--with-files' if with_files else '--resume'} does not work with -")

    async def work() -> None:
        from emp_core.client.transfer.exporting import Export
        from emp_core.urls import masked

        session = session_of(ctx)
        async with opened(session) as (queue, location):
            exported = Export(queue=queue, where=where or "", files_url=masked(location.artifacts or ""))
            if with_files:
                exported.copies = _open_files(_files_beside(file).as_uri(), "", "")
            await _write(session, exported, file, resume=resume)

    run_alone(ctx, work())


async def _write(session: Session, exported: "Export", file: str, *, resume: bool) -> None:
    from emp_core.client.transfer.exporting import resume_point
    from emp_core.domain.json_text import dump_json

    header = await exported.header()
    form = ascii_json if file == STREAM else bytes  # stdout may be a terminal
    with _written(file, resume=resume) as stream:
        known: set[str] = set()
        if resume:
            known, end = resume_point(stream, header)
            stream.seek(end)
            stream.truncate()
        else:
            stream.write(form(dump_json(header)) + b"\n")
        with terminal.progress((header["count"] or 0) - len(known)) as advance:
            async for lines in exported.lines(known):
                stream.write(b"".join(form(line) + b"\n" for line in lines))
                stream.flush()
                advance(len(lines))
                if file != STREAM:
                    session.farewell = f"{file} is not complete; go on with:\nemp export {file} --resume"
        stream.write(exported.last_line(len(known)) + b"\n")
        stream.flush()
    _sum_up_export(exported, len(known))


def _sum_up_export(exported: "Export", before: int) -> None:
    terminal.note(
        f"exported {count_jobs(exported.written)}{f'; {before:,} were in the file already' if before else ''}"
    )
    if exported.changed:
        terminal.note(f"{count_jobs(exported.changed)} started or ended meanwhile and are not in the file")
    if exported.referenced:
        terminal.note(
            f"the files of {count_jobs(exported.referenced)} stay in {exported.files_url}; --with-files copies them"
        )


@contextmanager
def _written(file: str, *, resume: bool) -> Iterator[IO[bytes]]:
    """Payloads are the customers': only this user can read the file."""
    if file == STREAM:
        yield sys.stdout.buffer
        return
    try:
        number = os.open(file, os.O_RDWR if resume else os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        hint = "--resume goes on with an export that did not finish"
        raise InvalidInput("file", f"{file} is there already", hint=hint) from None
    with os.fdopen(number, "r+b") as stream:
        yield stream
        os.fsync(stream.fileno())


ImportedFile = Annotated[str | None, typer.Argument(metavar="FILE", help="What `emp export` wrote; - is stdin.")]
OrphansOption = Annotated[
    Orphans | None,
    typer.Option(
        "--orphans",
        metavar="WHAT",
        help="What to do with a job that waits for one that is in neither the queue nor the file: hold (store it "
        "held), drop (leave it out) or fail (store it as failed). Default: report it.",
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="URL",
        envvar=IMPORT_FROM,
        show_envvar=False,
        help=f"Another Redis whose jobs are imported, in place of FILE ({IMPORT_FROM}).",
    ),
]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="NAME",
        help="--from is the Redis of a predecessor: emp-redis (the Python hub), emprops-js (the TypeScript hub) or "
        "redis-direct (TypeScript workers on Redis).",
    ),
]


TakeOption = Annotated[bool, flag("--take", help="Move the jobs: the queue at --from forgets them.")]
UndoOption = Annotated[
    bool, flag("--undo", help="Give the queue at --from back the jobs of a --take that did not finish.")
]
DryRunOption = Annotated[bool, flag("--dry-run", help="Say what would be stored, and change nothing.")]
YesOption = Annotated[
    bool, flag("--yes", "-y", help="Do not ask before --undo changes --from while this queue does not answer.")
]


def import_jobs(
    ctx: typer.Context,
    file: ImportedFile = None,
    orphans: OrphansOption = None,
    source: FromOption = None,
    take: TakeOption = False,
    undo: UndoOption = False,
    layout: LayoutOption = None,
    where: WhereOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    reason: OrderReasonOption = "",
) -> None:
    """Store the waiting jobs of an export, or of another queue.

    Jobs keep their ids and places. A job that is here already is not stored again, so a command that was interrupted is
    simply run again.

    --take moves jobs while both queues work: no job can start in both. Running jobs stay, with the jobs that wait for
    them; run the command again for these. --undo lets the old queue run what an interrupted --take keeps back.

    --layout reads the waiting jobs of a predecessor, and changes nothing there: stop its workers first.

    Examples:
    emp import queue.jsonl --dry-run
    emp import --from redis://old:6379 --take
    emp import --from redis://old:6379 --layout emp-redis --where 'customer:acme' --dry-run
    """
    session = session_of(ctx)
    if not dry_run:
        session.check_change("import jobs")
    _check(file, orphans, source, take=take, undo=undo, layout=layout, where=where)
    hide_password(session.redis, source)
    if file is not None:
        leave(run_alone(ctx, _import_file(session, file, orphans, dry_run=dry_run, reason=reason)))
    elif layout is not None:
        imported = _import_predecessor(session, source or "", layout, where or "", dry_run=dry_run, reason=reason)
        leave(run_alone(ctx, imported))
    else:
        leave(run_alone(ctx, _move(session, source or "", where or "", undo, dry_run=dry_run, yes=yes, reason=reason)))


def _move(
    session: Session, source: str, where: str, undo: bool, *, dry_run: bool, yes: bool, reason: str
) -> Coroutine[Any, Any, ExitCode]:
    from emp_cli.orders.move import take_jobs, undo_take

    if undo and dry_run:
        raise InvalidInput("dry-run", "does not work with --undo")
    if undo:
        return undo_take(session, source, yes=yes, reason=reason)
    return take_jobs(session, source, where, dry_run=dry_run, reason=reason)


_WITH_FROM = ({"--from", "--take", "--where"}, {"--from", "--layout", "--where"}, {"--from", "--undo"})
"""Options that work together."""


def _check(
    file: str | None,
    orphans: Orphans | None,
    source: str | None,
    *,
    take: bool,
    undo: bool,
    layout: str | None,
    where: str | None,
) -> None:
    """Raises `InvalidInput` if the options do not say one thing."""
    given = {"--from": source, "--take": take, "--undo": undo, "--layout": layout}
    given |= {"--where": where, "--orphans": orphans}
    names = {name for name, value in given.items() if value not in (None, False)}
    if file is None and source is None:
        hint = "give a file that `emp export` wrote, - for stdin, or --from URL --take"
        raise InvalidInput("file", "which jobs?", hint=hint)
    if file is None and not take and not undo and layout is None:
        hint = "`emp --redis URL export` writes a file; --layout NAME reads a predecessor's Redis"
        raise InvalidInput("from", "needs --take: without it the jobs could start in both queues", hint=hint)
    usable = ({"--orphans"},) if file is not None else _WITH_FROM
    if not any(names <= allowed for allowed in usable):
        hint = (
            "give FILE [--orphans WHAT], --from URL --take [--where FILTER], --from URL --layout NAME [--where FILTER] "
            "or --from URL --undo"
        )
        raise InvalidInput("file", "these options do not work together", hint=hint)


async def _import_predecessor(
    session: Session, source: str, layout: str, where: str, *, dry_run: bool, reason: str
) -> ExitCode:
    from emp_core.client.transfer.importing import Import
    from emp_core.client.transfer.predecessors import write_export
    from emp_core.clock import SystemClock
    from emp_core.domain.filter import parse

    def refuse(job_id: str, error: EmpError) -> None:
        refusals.tell(f"job {job_id} was not imported: {error.message}", error)

    refusals, wanted = Refusals(), parse(where)
    with TemporaryFile() as stream:
        now = SystemClock().now_ms()
        written = await write_export(source, layout, stream, refuse, terminal.warn, wanted=wanted, now=now)
        unread = refusals.count
        async with opened(session) as (queue, location):
            imported = Import(
                queue=queue,
                open_files=lambda header: _files_of(header, STREAM, location),
                refuse=lambda number, error: refuse(written.ids[number - 2], error),
                dry_run=dry_run,
                reason=reason,
            )
            await imported.run(stream)
    imported.counts.refused += unread
    return _sum_up_import(imported, refusals, list(_left_there(written)))


def _left_there(written: "Written") -> Iterator[str]:
    """What stays with the predecessor, besides the refused jobs."""
    if written.unmatched:
        yield f"{written.unmatched:,} do not match"
    if written.not_waiting:
        often_first = sorted(written.not_waiting.items(), key=lambda each: (-each[1], each[0]))
        statuses = ", ".join(f"{count:,} {status}" for status, count in often_first)
        yield f"{written.not_waiting.total():,} do not wait there: {statuses}"


async def _import_file(session: Session, file: str, orphans: Orphans | None, *, dry_run: bool, reason: str) -> ExitCode:
    from emp_core.client.transfer.importing import Import

    def open_files(header: Mapping[str, Any]) -> "ArtifactStore":
        return _files_of(header, file, location)

    def refuse(number: int, error: EmpError) -> None:
        refusals.tell(f"line {number}: {error.message}", error)

    refusals = Refusals()
    session.farewell = f"some jobs are imported; run the command again for the rest:\n{session.command()}"
    async with opened(session) as (queue, location):
        imported = Import(
            queue=queue, open_files=open_files, refuse=refuse, orphans=orphans or "", dry_run=dry_run, reason=reason
        )
        with _read(file) as stream:
            await imported.run(stream)
    return _sum_up_import(imported, refusals)


def _read(file: str) -> IO[bytes]:
    return sys.stdin.buffer if file == STREAM else Path(file).open("rb")


def _sum_up_import(imported: "Import", refusals: Refusals, left_there: Sequence[str] = ()) -> ExitCode:
    refusals.close("were not imported")
    counts = imported.counts
    done = "would import" if imported.dry_run else "imported"
    more = {
        "were here already": counts.already,
        "were here and are deleted": counts.deleted,
        "were left out": counts.dropped,
        "were not imported": counts.refused,
    }
    words = [f"{done} {count_jobs(counts.stored)}", *(f"{count:,} {what}" for what, count in more.items() if count)]
    terminal.note("; ".join([*words, *left_there]))
    if not imported.complete:
        terminal.fail("the file is not complete: its last line is missing, or says another number of jobs",
                      "finish the export with `emp export FILE --resume`, then import the file again")  # fmt: skip
    return ExitCode.FAILED if counts.refused or not imported.complete else ExitCode.OK


def _files_of(header: Mapping[str, Any], file: str, here: "Location") -> "ArtifactStore":
    """Where the header says that the jobs' files are. Raises `InvalidInput`."""
    from emp_core.ids import is_id

    place = header.get("files")
    if place is None:
        directory = _files_beside(file)
        if file == STREAM or not directory.is_dir():
            raise InvalidInput("payload_in_file", f"the payload is in {directory}, which is not there")
        return _open_files(directory.as_uri(), "", "")
    url, queue = str(place.get("url")), str(place.get("queue"))
    if not url or not is_id(queue):
        hint = "export again with --with-files"
        raise InvalidInput("payload_in_file", "the header does not say where the payload is", hint=hint)
    return _open_files(url, queue, here.token if url == here.artifacts else "")


def _open_files(url: str, queue: str, token: str) -> "ArtifactStore":
    from emp_core.artifacts import open_artifacts  # pydantic and obstore take time

    return open_artifacts(url, queue, token=token)
