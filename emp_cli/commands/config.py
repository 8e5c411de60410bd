"""`emp config show|check|schema`: what each program is told, and by what."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode
from emp_cli.group import Commands, HelpfulGroup
from emp_cli.input.options import flag
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.layout import Column, Format, Layout, Sheet
from emp_cli.run import leave
from emp_core.domain import json_fields
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_cli.local.programs import Given, Setting
    from emp_core.variables import Mistake

app = Commands(name="config", cls=HelpfulGroup, help="Show settings and where they come from, check and describe them.")

NONE = "the settings have no mistakes"

Program = Annotated[
    str | None,
    typer.Argument(metavar="PROGRAM", help="Only those of command, hub, worker, or of a connector such as comfyui."),
]

SETTINGS: Sheet["Setting"] = Sheet(
    (
        Column("PROGRAM", lambda setting, now: setting.program),
        Column("NAME", lambda setting, now: setting.name),
        Column("VALUE", lambda setting, now: setting.value, shrinks=True),
        Column("ORIGIN", lambda setting, now: setting.origin, wide=True),
    ),
    asdict,
    lambda setting: setting.name,
    json_fields.SETTING,
)

MISTAKES: Sheet["Mistake"] = Sheet(
    (
        Column("PLACE", lambda mistake, now: mistake.place),
        Column("NAME", lambda mistake, now: mistake.name),
        Column("PROBLEM", lambda mistake, now: mistake.problem, shrinks=True),
    ),
    asdict,
    lambda mistake: mistake.name,
    json_fields.MISTAKE,
)


@app.command("show")
@shows(SETTINGS)
def show(
    ctx: typer.Context,
    program: Program = None,
    origin: Annotated[bool, flag("--origin", help="Show where each value stands: the file and the line.")] = False,
    *,
    layout: Layout,
) -> None:
    """Show each setting of each program, as it would read it if it started here.

    Passwords and tokens are not shown.

    Examples:
    emp config show --origin
    emp config show hub -o json
    """
    from emp_cli.local.programs import settings

    found = list(settings(_given(session_of(ctx))))
    names = list(dict.fromkeys(setting.program for setting in found))
    if program is not None and program not in names:
        raise InvalidInput("program", f"must be one of {', '.join(names)}, not {program!r}")
    rows = [setting for setting in found if program in (None, setting.program)]
    if origin and layout.format is Format.TABLE:
        layout = replace(layout, format=Format.WIDE)
    formats.show(rows, SETTINGS, layout)


@app.command("check")
@shows(MISTAKES)
def check(ctx: typer.Context, *, layout: Layout) -> None:
    """Look for mistakes in the environment, `.env.hub`, `.env.worker` and the contexts.

    Each is told with its file, line and variable. Exit code 2: there is one.

    Examples:
    emp config check
    """
    from emp_cli.local.programs import mistakes

    found = mistakes(_given(session_of(ctx)))
    if layout != Layout():
        formats.write(found, MISTAKES, layout, nothing=NONE)
    elif found:
        for mistake in found:
            terminal.fail(mistake.text())
    else:
        terminal.note(NONE)
    leave(ExitCode.USAGE if found else ExitCode.OK)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of all settings, by program.

    Examples:
    emp config schema
    """
    from emp_cli.local.programs import models
    from emp_core.client.settings_schema import schema_of

    formats.write_json(schema_of(models()))


def _given(session: Session) -> "Given":
    from emp_cli.local.programs import Given

    return Given(session.redis, session.context)
