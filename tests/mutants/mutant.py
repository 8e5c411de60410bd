"""One small change of one file."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import ndiff


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A file's text with a change that its tests should notice."""

    path: str
    """Relative to the project."""

    line: int
    kind: str
    before: str
    """The file's whole text."""

    change: Callable[[], str] = field(compare=False)
    """Makes the changed text. Only the changes that are tried are made: cosmic-ray takes 50 ms for each."""

    @property
    def after(self) -> str:
        return self.change()

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def difference(self) -> list[str]:
        """The lines that changed."""
        lines = ndiff(self.before.splitlines(), self.after.splitlines())
        return [line for line in lines if line.startswith(("- ", "+ "))]


def mutant_of(path: str, text: str, kind: str, start: int, end: int, replacement: str) -> Mutant:
    """Replaces a part of a text."""

    def change() -> str:
        return text[:start] + replacement + text[end:]

    return Mutant(path=path, line=text.count("\n", 0, start) + 1, kind=kind, before=text, change=change)


def sample(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them, at different places; the same for the same seed."""
    dice = random.Random(seed)
    at: dict[str, list[Mutant]] = {}
    for each in mutants:
        at.setdefault(each.place, []).append(each)
    return [dice.choice(at[place]) for place in dice.sample(sorted(at), min(count, len(at)))]
