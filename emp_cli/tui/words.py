"""Finds rows by words: for lists that are in memory whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Words:
    """A row must contain each of `wanted`, in whichever column, and none of `unwanted`; case does not matter."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """`comfyui -paused`: a row with `comfyui` and without `paused`."""
        words = text.casefold().split()
        unwanted = [word[1:] for word in words if word.startswith("-") and len(word) > 1]
        return cls(tuple(word for word in words if not word.startswith("-")), tuple(unwanted))

    def find(self, cells: Sequence[str]) -> bool:
        """Whether a row with these cells is meant."""
        row = "\n".join(cells).casefold()
        return all(word in row for word in self.wanted) and not any(word in row for word in self.unwanted)
