"""The ways to the screens, as they are typed behind `:` and as screens ask for each other.

A screen is imported when it is opened first, so that the first one is seen sooner.
"""

from collections.abc import Callable, Mapping
from functools import partial

from emp_cli.tui.screens.base import QueueScreen
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput


def _overview() -> QueueScreen:
    from emp_cli.tui.screens.overview import OverviewScreen

    return OverviewScreen()


def _jobs(text: str = "") -> QueueScreen:
    from emp_cli.tui.screens.jobs import JobsScreen
    from emp_core.domain.filter import parse

    return JobsScreen(parse(text))


def _workers(words: str = "") -> QueueScreen:
    from emp_cli.tui.screens.workers import WorkersScreen

    return WorkersScreen(words)


def _groups(kind: str, words: str = "") -> QueueScreen:
    from emp_cli.tui.screens.groups import GroupsScreen

    return GroupsScreen(kind, words)


def _events(words: str = "") -> QueueScreen:
    from emp_cli.tui.screens.events import EventsScreen

    return EventsScreen(words)


def _worker(called: str) -> QueueScreen:
    from emp_cli.tui.screens.worker import WorkerScreen

    return WorkerScreen(called)


def _job(called: str) -> QueueScreen:
    from emp_cli.tui.screens.job.screen import JobScreen

    return JobScreen(called)


KINDS = ("classes", "models", "customers", "workflows")
"""The screens that show the jobs in groups."""

MODES: Mapping[str, Callable[[], QueueScreen]] = {
    "overview": _overview,
    "jobs": _jobs,
    "workers": _workers,
    **{kind: partial(_groups, kind) for kind in KINDS},
    "events": _events,
}
"""The screens of the number keys, in their order. Each keeps what was opened from it."""

BEHIND: Mapping[str, Callable[[str], QueueScreen]] = {
    "jobs": _jobs,
    "workers": _workers,
    "worker": _worker,
    **{kind: partial(_groups, kind) for kind in KINDS},
    "events": _events,
    "job": _job,
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
