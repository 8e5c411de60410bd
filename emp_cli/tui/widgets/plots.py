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

LINES = 4


class Plot(Widget):
    """One figure over time, under its name and its largest value."""

    DEFAULT_CSS = """
    Plot { width: 1fr; height: auto; padding: 0 1; }
    """

    values: reactive[Sequence[float]] = reactive(())
    title = reactive("")

    def render(self) -> Content:
        """The name, then the bars."""
        drawn = bars(stretched(self.values, self.content_size.width), LINES)
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

    def show(self, trend: Trend) -> None:
        """Draw the last hour."""
        minutes = trend.minutes
        waits = [each.wait(0.95) or 0.0 for each in minutes]
        for name, values in (("in", [each.entered for each in minutes]), ("out", [each.ended for each in minutes])):
            self._draw(name, f"{name}, at most {max(values, default=0):,} a minute", values)
        self._draw("waits", f"wait p95, at most {duration(max(waits, default=0.0))}", waits)

    def _draw(self, name: str, title: str, values: Sequence[float]) -> None:
        plot = self.query_one(f"#{name}", Plot)
        plot.title, plot.values = title, values
