"""The first line of each screen: where one is, which queue it is, and whether what is shown is of now."""

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
        crumbs = Content(" > ").join([line(crumb, "bold") for crumb in said.crumbs])
        right = Content("  ").join(list(_marks(said)))
        room = self.size.width - right.cell_length
        if crumbs.cell_length >= room:
            return crumbs.truncate(max(0, room - 1), ellipsis=True) + Content(" ") + right
        return crumbs.pad_right(room - crumbs.cell_length) + right


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
