"""What the screens of one job and of one worker have in common: tabs, of which only the open one is read."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from emp_cli.tui.screens.base import QueueScreen


class TabbedScreen(QueueScreen):
    """Shows one thing in tabs."""

    TABS: ClassVar[Sequence[str]]
    """Their names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right_square_bracket,right", "turn(1)", "Tabs", key_display="tab"),
        Binding("shift+tab,left_square_bracket,left", "turn(-1)", "Tab before", show=False),
    ]

    def __init__(self, called: str) -> None:
        """`called`: the thing's id, or the first characters of it."""
        super().__init__()
        self.called = called
        self.tab = self.TABS[0]

    async def action_turn(self, direction: int) -> None:
        """Open the next tab, or the one before."""
        await self.action_show_tab(self.TABS[(self.TABS.index(self.tab) + direction) % len(self.TABS)])

    @abstractmethod
    async def action_show_tab(self, name: str) -> None:
        """Open a tab."""
