"""The last hour as bars of several lines, where the screen has room for them."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Sparkline, Static

from emp_core.domain.durations import duration
from emp_core.domain.trend import Trend


class Plot(Vertical):
    """One figure over time, under its name and its largest value."""

    DEFAULT_CSS = """
    Plot { width: 1fr; height: 5; padding: 0 1; }
    Plot Sparkline { height: 4; }
    Plot Static { color: $foreground-muted; }
    """

    def compose(self) -> ComposeResult:
        """The name, then the bars."""
        yield Static()
        yield Sparkline()

    def show(self, name: str, most: str, values: Sequence[float]) -> None:
        """Draw these values, the latest on the right."""
        self.query_one(Static).update(Content(f"{name}, at most {most}"))
        self.query_one(Sparkline).data = values


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
            self.query_one(f"#{name}", Plot).show(name, f"{max(values, default=0):,} a minute", values)
        self.query_one("#waits", Plot).show("wait p95", duration(max(waits, default=0.0)), waits)
