"""The queue at a glance."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.widget import Widget

from emp_cli.tui import facts
from emp_cli.tui.reads import KINDS, Glance, OverviewRead
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.widgets.fleet_map import FleetMap
from emp_cli.tui.widgets.links import Line, Links
from emp_cli.tui.widgets.plots import LINES, TALL_LINES, Plots
from emp_core.clock import SystemClock

ROOMY = Size(100, 32)
"""The least screen on which the last hour is drawn as bars of several lines."""

TALL = 48
"""Lines of a screen that has room for taller bars, and for the last events."""


class Pile(VerticalScroll, can_focus=False):
    """The parts of the overview, one below the other."""

    def compose(self) -> ComposeResult:
        """What waits and runs; what is wrong; the fleet; what has just happened."""
        yield Links(id="numbers")
        yield Plots()
        yield Links(id="problems")
        yield Links(id="fleet")
        yield FleetMap()
        yield Links(id="events")


class OverviewScreen(QueueScreen):
    """What waits, what runs where, what fails, and what can never run."""

    CSS_PATH = "overview.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "app.switch_mode('overview')", "Screens", key_display="1-8"),
    ]
    """For the last line: the keys are the app's."""

    def __init__(self) -> None:
        super().__init__()
        self._glance = OverviewRead(SystemClock())

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        return "Overview"

    @property
    def command(self) -> str:
        """The `emp` command that shows the same."""
        return "emp summary"

    def body(self) -> Iterator[Widget]:
        """The parts."""
        yield Pile()

    def on_mount(self) -> None:
        """The numbers have the keys."""
        self.query_one("#numbers").focus()

    @property
    def read(self) -> OverviewRead:
        """The glance; with the last events if there is room below the rest."""
        self._glance.events = self.size.height if self.size.height >= TALL else 0
        return self._glance

    def draw(self, data: Glance, at: int) -> None:
        """Show it."""
        summary, workers = data.summary, data.workers
        is_tall = self.size.height >= TALL
        has_room = self.size.width >= ROOMY.width and self.size.height >= ROOMY.height
        bars = 0 if has_room else self.size.width
        self._show("numbers", *facts.counts(summary, data.trend), *facts.rates(data.trend, bars))
        plots = self.query_one(Plots)
        plots.display = has_room and len(data.trend.minutes) > 1
        plots.show(data.trend, TALL_LINES if is_tall else LINES)
        kinds, width = KINDS if has_room else facts.KINDS, self.size.width - 2
        problems = [
            *facts.never(data.backlog, summary.unworkable_jobs, width, kinds),
            *facts.failing(workers),
            *facts.failures(data.trend),
            *facts.oldest(summary, data.backlog, width, kinds),
            *facts.memory(summary),
        ]
        self._show("problems", *problems)
        remembered = [*workers, *data.lost]
        self._show("fleet", facts.fleet(remembered))
        shown = self.query_one(FleetMap)
        shown.fleet = remembered
        shown.most_lines = max(2, self.size.height - 8 - len(problems) - (12 if has_room else 6) - TALL // 2 * is_tall)
        self._show("events", *facts.events(data.events, at))

    def _show(self, name: str, *lines: Line) -> None:
        links = self.query_one(f"#{name}", Links)
        links.lines = lines
        links.display = bool(lines)
