"""The options that say how rows are shown, which a command gets as one `layout`."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer

from emp_cli.input.options import OutputOption, flag
from emp_cli.output.layout import Format, Sheet, layout_of

T = TypeVar("T")

Command = Callable[..., Any]

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "output": (OutputOption, Format.TABLE),
    "quiet": (Annotated[bool, flag("--quiet", "-q", help="Print only the ids; short for -o ids.")], False),
    "fields": (
        Annotated[
            str | None,
            typer.Option("--json", metavar="FIELDS", help="JSON with these fields, such as id; alone it lists them."),
        ],
        None,
    ),
    "columns": (
        Annotated[
            str | None,
            typer.Option("--columns", metavar="NAMES", help="A table of these columns or fields; alone it lists them."),
        ],
        None,
    ),
    "sort": (
        Annotated[
            str | None,
            typer.Option("--sort", metavar="NAME", help="Sort what is shown by a column or field; -NAME: reversed."),
        ],
        None,
    ),
    "bare": (Annotated[bool, flag("--no-headers", help="Leave out the names of the columns.")], False),
}
"""Parameter of `layout_of` -> its option and default."""


def shows(sheet: Sheet[T]) -> Callable[[Command], Command]:
    """Make a command take these options in the place of its parameter `layout`, for rows of this kind."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def shaped(*given: Any, **named: Any) -> Any:
            asked = {name: named.pop(name) for name in _OPTIONS}
            return command(*given, layout=layout_of(sheet, **asked), **named)

        # Typer reads the options of a command from its signature.
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.name != "layout"]
        kind = inspect.Parameter.KEYWORD_ONLY
        more = [
            inspect.Parameter(name, kind, default=default, annotation=option)
            for name, (option, default) in _OPTIONS.items()
        ]
        setattr(shaped, "__signature__", signature.replace(parameters=[*own, *more]))  # noqa: B010
        shaped.__annotations__ = {each.name: each.annotation for each in (*own, *more)}
        return shaped

    return decorate
