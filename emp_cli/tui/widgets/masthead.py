"""The first line of each screen: where one is, which queue it is, and whether what is shown is of now."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from emp_cli.output.units import time_of_day
from emp_cli.tui.text import line
from emp_core.domain.durations import duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the first line says."""

    crumbs: tuple[str, ...] = ()
    queue: str = ""
    at: int = 0
    """The queue's time of what is shown, in ms since 1970; 0: nothing was read yet."""

    stale: float | None = None
    """Seconds since the queue's last answer; None: it answers."""

    frozen: bool = False
    read_only: bool = False


class Masthead(Widget):
    """Draws a `Standing`."""

    DEFAULT_CSS = """
    Masthead { height: 1; dock: top; background: $panel; color: $text; padding: 0 1; }
    """

    standing = reactive(Standing())

    def render(self) -> Content:
        """The crumbs on the left, the rest on the right."""
        said = self.standing
        right = Content("  ").join(list(_marks(said)))
        room = max(0, self.size.width - right.cell_length)
        crumbs = _crumbs(said.crumbs, room - 1)
        return crumbs.pad_right(room - crumbs.cell_length) + right


def _crumbs(names: Sequence[str], room: int) -> Content:
    """The way to the screen; if there is no room for all of it, its beginning is left out."""
    for first in range(len(names)):
        shown = [line(name, "bold") for name in names[first:]]
        crumbs = Content(" > ").join([Content("…"), *shown] if first else shown)
        if crumbs.cell_length <= room:
            return crumbs
    return line(names[-1] if names else "", "bold").truncate(max(0, room), ellipsis=True)


def _marks(said: Standing) -> list[Content]:
    marks = [line(said.queue, "dim")] if said.queue else []
    if said.read_only:
        marks.append(Content.styled("read-only", "$warning"))
    if said.frozen:
        marks.append(Content.styled(" frozen ", "$text-warning on $warning-muted"))
    if said.stale is not None:
        marks.append(Content.styled(f" stale {duration(said.stale)} ", "$text-error on $error-muted"))
    if said.at:
        marks.append(Content(time_of_day(said.at)))
    return marks
