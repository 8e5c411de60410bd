"""The ways to the screens, as they are typed behind `:` and as screens ask for each other."""

from collections.abc import Callable, Mapping
from functools import partial

from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.events import EventsScreen
from emp_cli.tui.screens.groups import KINDS, GroupsScreen
from emp_cli.tui.screens.job.screen import JobScreen
from emp_cli.tui.screens.jobs import JobsScreen
from emp_cli.tui.screens.overview import OverviewScreen
from emp_cli.tui.screens.worker import WorkerScreen
from emp_cli.tui.screens.workers import WorkersScreen
from emp_core.domain.filter import parse
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput

MODES: Mapping[str, Callable[[], QueueScreen]] = {
    "overview": OverviewScreen,
    "jobs": JobsScreen,
    "workers": WorkersScreen,
    **{kind: partial(GroupsScreen, kind) for kind in KINDS},
    "events": EventsScreen,
}
"""The screens of the number keys, in their order. Each keeps what was opened from it."""

BEHIND: Mapping[str, Callable[[str], QueueScreen]] = {
    "jobs": lambda text: JobsScreen(parse(text)),
    "workers": WorkersScreen,
    "worker": WorkerScreen,
    **{kind: partial(GroupsScreen, kind) for kind in KINDS},
    "events": EventsScreen,
    "job": JobScreen,
}
"""Screens that show what is typed behind their name: a filter, or an id."""

WORDS = tuple(dict.fromkeys([*MODES, *BEHIND]))


def screen_of(command: str) -> QueueScreen | str:
    """A new screen, or the name of one of the modes. Raises `InvalidInput`."""
    noun, _, rest = command.strip().partition(" ")
    rest = rest.strip()
    if rest and noun in BEHIND:
        return BEHIND[noun](rest)
    if noun in MODES and not rest:
        return noun
    if noun in BEHIND:
        raise InvalidInput("command", f"{noun} which? Write `{noun} ID`")
    if noun in MODES:
        raise InvalidInput("command", f"{noun} shows all there is: nothing comes behind it")
    raise InvalidInput("command", f"{noun!r} is no screen{did_you_mean(noun, WORDS)}")
