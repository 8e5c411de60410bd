"""Commands and groups of them, with help that reads well; `emp job ID` is `emp job show ID`.

A `Deferred` command is imported when it is used, so that each command loads only what it needs.
"""

import re
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from emp_cli.help_text import EXAMPLES, help_text
from emp_cli.typed import read_plainly
from emp_core.errors import InvalidInput

KNOWN_AS = {
    "ls": "jobs",
    "ps": "jobs",
    "queue": "summary",
    "stats": "summary",
    "top": "dashboard",
    "tui": "dashboard",
    "validate": "check",
}
"""What other programs call a command; only to suggest ours."""


class HelpfulCommand(TyperCommand):
    """Its help says what people type, not of which type it is in Python."""

    def __init__(self, *names: Any, **settings: Any) -> None:
        super().__init__(*names, **settings)
        _make_readable(self)

    def invoke(self, ctx: Any) -> Any:
        """What was given and cannot be is told with the way to the help, where nothing better is known."""
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            error.hint = error.hint or f"{ctx.command_path} --help"
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(help_text(self, ctx))

    def get_help_option(self, ctx: Any) -> Any:
        return _plain(super().get_help_option(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return _unbraced(super().collect_usage_pieces(ctx))


class HelpfulGroup(TyperGroup):
    """The same for a group, which shows its help where it is given nothing."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        _make_readable(self)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(help_text(self, ctx))

    def get_help_option(self, ctx: Any) -> Any:
        return _plain(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load a deferred command; `emp cancel` is told where it is at home."""
        word = args[0]
        if word not in self.commands:
            homes = [name for name, group in self.commands.items() if word in getattr(loaded(group), "commands", {})]
            if homes:
                names = " or ".join(f"'{name} {word}'" for name in homes)
                ctx.fail(f"No such command '{word}'. Did you mean {names}?")
            if KNOWN_AS.get(word) in self.commands:
                ctx.fail(f"No such command '{word}'. Did you mean '{KNOWN_AS[word]}'?")
        name, command, rest = super().resolve_command(ctx, args)
        return name, loaded(command), rest


class ShowingGroup(HelpfulGroup):
    """Takes what is no command, and no slip in typing one, for the name of what is to be shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not self._is_ours(ctx, args[0]):
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def _is_ours(self, ctx: Any, word: str) -> bool:
        if word in ctx.help_option_names or word in self.commands or word == "help":
            return True
        return bool(get_close_matches(word, list(self.commands), n=1, cutoff=0.75))


class Commands(typer.Typer):
    """A group whose commands are helpful ones."""

    def command(self, *names: Any, **settings: Any) -> Callable[[Any], Any]:
        return super().command(*names, **{"cls": HelpfulCommand, **settings})


class Deferred(TyperCommand):
    """Stands for a command or a group in the list of commands, and imports it when it is used."""

    def __init__(self, name: str, home: str, *, help: str, panel: str) -> None:
        """`home` is `module:function` or `module:app`, which has a command or a group of this name."""
        super().__init__(name, help=help, rich_help_panel=panel)
        self._home = home

    def load(self) -> Any:
        """The command itself."""
        module, _, attribute = self._home.partition(":")
        found = getattr(import_module(module), attribute)
        whole = Commands()
        if isinstance(found, typer.Typer):
            whole.add_typer(found)
        else:
            whole.command(self.name)(found)
        return typer.main.get_group(whole).commands[str(self.name)]


def loaded(command: Any) -> Any:
    """A command, imported if it was deferred."""
    return command.load() if isinstance(command, Deferred) else command


def _make_readable(command: Any) -> None:
    """Paragraphs are as wide as the terminal, examples a line each, and an argument has a name and no type."""
    texts = (command.help or "").split("\n\n")
    command.help = "\n\n".join(text if text.startswith(EXAMPLES) else text.replace("\n", " ") for text in texts)
    read_plainly(command.params)
    for param in command.params:
        if isinstance(param, TyperArgument) and param.metavar:
            param.display_type_rich = _no_type  # type: ignore[method-assign]


def _no_type(ctx: Any) -> None:
    return None


def _plain(help_option: Any) -> Any:
    if help_option is not None:
        help_option.metavar, help_option.help = "", "Show this help."
        read_plainly([help_option])
    return help_option


def _unbraced(pieces: list[str]) -> list[str]:
    return [re.sub(r"[{}]", "", piece) for piece in pieces]
