"""`emp redis functions`: what emp keeps on the server beside its queues."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.context import Session, session_of
from emp_cli.group import Commands, HelpfulGroup
from emp_cli.input.options import flag
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.layout import Column, Layout, Sheet
from emp_cli.run import run_alone
from emp_core.domain import json_fields

if TYPE_CHECKING:
    from emp_core.client.server_functions import Loaded

app = Commands(name="redis", cls=HelpfulGroup, help="What emp keeps on the Redis server beside its queues.")

SHEET: Sheet["Loaded"] = Sheet(
    (
        Column("LIBRARY", lambda row, now: row.name),
        Column("FUNCTIONS", lambda row, now: str(row.functions)),
        Column("OF", lambda row, now: "this version" if row.current else "another version"),
    ),
    lambda row: _view(row),
    lambda row: row.name,
    json_fields.LIBRARY,
)


def _view(row: "Loaded") -> dict[str, Any]:
    return {"library": row.name, "functions": row.functions, "current": row.current}


@app.command("functions")
@shows(SHEET)
def functions(
    ctx: typer.Context,
    prune: Annotated[bool, flag("--prune", help="Drop those of other versions.")] = False,
    *,
    layout: Layout,
) -> None:
    """List emp's libraries of functions in Redis: one for each version that was used.

    Programs load the library of their version when they miss it, so it is safe to drop one, unless Redis is full: then
    a program that runs cannot load it again.

    Examples:
    emp redis functions
    emp redis functions --prune
    """
    session = session_of(ctx)
    if prune:
        session.check_change("drop libraries of functions")
    found, dropped = run_alone(ctx, _work(session, prune=prune))
    formats.show(found, SHEET, layout, nothing="Redis has no functions of emp; the next program loads them")
    if prune:
        terminal.note(f"dropped {', '.join(row.name for row in dropped)}" if dropped else "there was nothing to drop")


async def _work(session: Session, *, prune: bool) -> "tuple[list[Loaded], list[Loaded]]":
    """The libraries that are there, and those that were dropped."""
    from emp_cli.surroundings import locate
    from emp_core.client.server_functions import server_functions

    return await server_functions(await locate(session.redis, session.context), prune=prune)
