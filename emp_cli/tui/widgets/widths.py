"""How wide the columns of a table are."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = 2
"""Cells between two columns."""

CELL = 200
"""Characters of a cell that are looked at."""

CUT = "…"

LEAST = 6
"""Cells that a column keeps that is cut."""

MOST = 60
"""Cells that a column takes of its own wish."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a column would like."""

    cells: int
    shrinks: bool


def share(wishes: Sequence[Wish], room: int, gap: int = GAP) -> list[int]:
    """The width of each column, so that all fit into `room` with gaps between them; 0: there is no room for it.

    Columns that may be cut share what is missing, the widest first; then columns are left out from the end.
    """
    widths = [min(wish.cells, MOST) if wish.shrinks else wish.cells for wish in wishes]
    while _total(widths, gap) > room and (widest := _widest(widths, wishes)) is not None:
        widths[widest] -= 1
    last = len(widths)
    while last and _total(widths, gap) > room:
        last -= 1
        widths[last] = 0
    _fill(widths, wishes, room - _total(widths, gap))
    return widths


def _total(widths: Sequence[int], gap: int) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + gap * max(0, len(shown) - 1)


def _widest(widths: Sequence[int], wishes: Sequence[Wish]) -> int | None:
    can = [place for place, wish in enumerate(wishes) if wish.shrinks and widths[place] > LEAST]
    return max(can, key=lambda place: widths[place], default=None)


def _fill(widths: list[int], wishes: Sequence[Wish], spare: int) -> None:
    """Give what is left to the columns that were cut at their most, the last first."""
    for place in reversed(range(len(widths))):
        more = min(max(0, spare), wishes[place].cells - widths[place]) if widths[place] else 0
        widths[place] += more
        spare -= more


def fitted(text: str, width: int, align: str) -> str:
    """A cell of just this width."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + CUT
    space = " " * (width - length)
    return space + text if align == "right" else text + space
