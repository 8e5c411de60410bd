"""Groups of commands that mean `show` where they are given a name: `emp job ID` is `emp job show ID`."""

from difflib import get_close_matches
from typing import Any

from typer.core import TyperGroup


class HelpfulGroup(TyperGroup):
    """Shows its help where it is given nothing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """`emp cancel` is told where it is at home."""
        word = args[0]
        homes = [name for name, group in self.commands.items() if word in getattr(group, "commands", {})]
        if homes and word not in self.commands:
            names = " or ".join(f"'{name} {word}'" for name in homes)
            ctx.fail(f"No such command '{word}'. Did you mean {names}?")
        return super().resolve_command(ctx, args)


class ShowingGroup(HelpfulGroup):
    """Takes what is no command, and no slip in typing one, for the name of what is to be shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not self._is_ours(ctx, args[0]):
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def _is_ours(self, ctx: Any, word: str) -> bool:
        if word in ctx.help_option_names or word in self.commands:
            return True
        return bool(get_close_matches(word, list(self.commands), n=1, cutoff=0.75))
