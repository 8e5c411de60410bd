"""The last hour as bars several lines high, for screens that are large enough."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from emp_cli.tui.bars import bars, stretched
from emp_core.domain.durations import duration
from emp_core.domain.trend import Trend

LINES, TALL_LINES = 4, 8
MINUTES = 60
"""A plot has all of these, also if the queue is younger."""


class Plot(Widget):
    """One figure over time, under its name and its largest value."""

    DEFAULT_CSS = """
    Plot { width: 1fr; height: auto; padding: 0 1; }
    """

    values: reactive[Sequence[float]] = reactive(())
    title = reactive("")
    lines = reactive(LINES, layout=True)

    def render(self) -> Content:
        """The name, then the bars."""
        drawn = bars(stretched(self.values, self.content_size.width), self.lines)
        return Content("\n").join(
            [Content.styled(self.title, "$foreground-muted"), *(Content.styled(line, "$primary") for line in drawn)]
        )


class Plots(Horizontal):
    """What comes in, what goes out, and how long jobs wait."""

    DEFAULT_CSS = """
    Plots { height: auto; }
    """

    def compose(self) -> ComposeResult:
        """Three plots side by side."""
        yield from (Plot(id=name) for name in ("in", "out", "waits"))

    def show(self, trend: Trend, lines: int) -> None:
        """Draw the last hour, so many lines high."""
        minutes = trend.minutes
        waits = [each.wait(0.95) or 0.0 for each in minutes]
        for name, values in (("in", [each.entered for each in minutes]), ("out", [each.ended for each in minutes])):
            self._draw(name, f"{name}, at most {max(values, default=0):,} a minute", values, lines)
        self._draw("waits", f"wait p95, at most {duration(max(waits, default=0.0))}", waits, lines)

    def _draw(self, name: str, title: str, values: Sequence[float], lines: int) -> None:
        plot = self.query_one(f"#{name}", Plot)
        before = [0.0] * (MINUTES - len(values))
        plot.title, plot.values, plot.lines = title, [*before, *values], lines
