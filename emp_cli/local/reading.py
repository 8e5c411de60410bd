"""Which processes of this machine are meant, and what their logs hold."""

from collections.abc import Sequence
from pathlib import Path

import typer

from emp_cli.exits import ExitCode
from emp_cli.local.log_file import last_lines, new_lines
from emp_cli.local.roster import LocalProcess, Roster
from emp_cli.output import terminal
from emp_cli.output.clean import clean
from emp_core.errors import Ambiguous, Conflict, InvalidInput, NotFound


def chosen(roster: Roster, names: Sequence[str], *, everything: bool = False) -> list[LocalProcess]:
    """The processes with these names or first characters of names; without a name, the only one."""
    entries = roster.entries()
    if everything and names:
        raise InvalidInput("all", "works in place of ids, not with them")
    if not names and not everything and len(entries) > 1:
        raise InvalidInput("ids", f"which {roster.kind}s? {len(entries)} are on this machine", hint=_list(roster))
    if not names:
        return entries
    return list({entry.pid: entry for entry in (_named(roster, entries, name) for name in names)}.values())


def _named(roster: Roster, entries: Sequence[LocalProcess], name: str) -> LocalProcess:
    """The newest of a name, if it died and was started again for another queue."""
    found = {entry.name: entry for entry in entries if entry.name.startswith(name)}
    if name in found:
        return found[name]
    if len(found) > 1:
        raise Ambiguous(name, sorted(found))
    if not found:
        raise NotFound(f"{roster.kind} on this machine is called", name, hint=_list(roster))
    return next(iter(found.values()))


def _list(roster: Roster) -> str:
    return f"`emp {roster.kind} status` lists them"


def show_log(ctx: typer.Context, roster: Roster, name: str | None, follow: bool, tail: int | None) -> None:
    """Print a log, and what is added to it as long as its process runs."""
    path, entry = _log_of(roster, name)
    lines, position = last_lines(path, tail)
    try:
        for line in lines:
            terminal.data(clean(line))
        if not follow or entry is None:
            return
        for line in new_lines(path, position, lambda: entry.lives):
            terminal.data(clean(line))
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        terminal.drop_stdout()
        raise typer.Exit(ExitCode.OK) from None
    terminal.note(f"the {roster.kind} {entry.name} has ended")


def _log_of(roster: Roster, name: str | None) -> tuple[Path, LocalProcess | None]:
    """The log and its process; None if that has ended."""
    if name and roster.log_path(name).exists() and not any(entry.name == name for entry in roster.entries()):
        return roster.log_path(name), None
    entries = chosen(roster, [name] if name else [])
    if entries and not entries[0].log:
        raise Conflict(
            f"the {roster.kind} {entries[0].name} (process {entries[0].pid}) was not started with --detach",
            hint="its log is in its terminal, or where its service manager keeps it",
        )
    if entries:
        return Path(entries[0].log), entries[0]
    logs = roster.logs()
    if not logs:
        raise NotFound("log of", f"a {roster.kind} on this machine", hint=f"emp {roster.kind} start --detach")
    return logs[-1], None
