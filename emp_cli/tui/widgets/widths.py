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
    keeps: int = 0
    """Cells that it keeps if it is cut; 0: the usual few."""

    @property
    def least(self) -> int:
        """Cells that it must have to be shown."""
        return min(self.cells, self.keeps or LEAST) if self.shrinks else self.cells


def share(wishes: Sequence[Wish], room: int, gap: int = GAP) -> list[int]:
    """The width of each column, so that all fit into `room` with gaps between them; 0: there is no room for it.

    Columns that may be cut share what is missing, the widest first. If that is not enough, columns are left out from
    the end, first those that may not be cut: a note says more than a time.
    """
    left_out = _left_out(wishes, room, gap)
    widths = [
        0 if place in left_out else min(wish.cells, MOST) if wish.shrinks else wish.cells
        for place, wish in enumerate(wishes)
    ]
    while _total(widths, gap) > room and (widest := _widest(widths, wishes)) is not None:
        widths[widest] -= 1
    _fill(widths, wishes, room - _total(widths, gap))
    return widths


def _total(widths: Sequence[int], gap: int) -> int:
    shown = [width for width in widths if width]
    return sum(shown) + gap * max(0, len(shown) - 1)


def _widest(widths: Sequence[int], wishes: Sequence[Wish]) -> int | None:
    can = [place for place, wish in enumerate(wishes) if wish.shrinks and widths[place] > wish.least]
    return max(can, key=lambda place: widths[place], default=None)


def _left_out(wishes: Sequence[Wish], room: int, gap: int) -> set[int]:
    """The places of the columns that have no room even if all are cut. The first one, a row's name, goes last."""
    least = [wish.least for wish in wishes]
    places = list(reversed(range(1, len(wishes))))
    left_out: set[int] = set()
    for place in [*(place for place in places if not wishes[place].shrinks), *places, 0]:
        if _total(least, gap) <= room:
            break
        least[place] = 0
        left_out.add(place)
    return left_out


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
