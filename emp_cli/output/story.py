"""A job's changes as lines: what happened when, progress between, log lines as they come."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emp_cli.output.clean import one_line
from emp_cli.output.columns import event_note, remark, state_of
from emp_cli.output.units import time_of_day
from emp_core.domain.events import Event
from emp_core.domain.states import TERMINAL, JobState

if TYPE_CHECKING:
    from emp_core.client.changes import Change


class Story:
    """Tells one job; says nothing twice."""

    def __init__(self) -> None:
        self._begun = False
        self._told = ""

    def lines(self, change: "Change", now: int) -> Iterator[str]:
        """The lines that a change adds."""
        job = change.job
        if not self._begun:
            self._begun = True
            yield f"{time_of_day(now)}  {state_of(job):<10}  {one_line(remark(job, now))}".rstrip()
        end = [event for event in change.events if event.state in TERMINAL]
        yield from (_told(event) for event in change.events if event not in end)
        for line in change.lines:
            yield f"{'':8}  {'log':<10}  {one_line(line)}"
        yield from map(_told, end)
        progress = remark(job, now) if job.state is JobState.ACTIVE else ""
        if progress and progress != self._told:
            yield f"{time_of_day(now)}  {'':<10}  {one_line(progress)}"
        self._told = progress


def _told(event: Event) -> str:
    return f"{time_of_day(event.at)}  {event.name:<10}  {one_line(_detail(event))}".rstrip()


def _detail(event: Event) -> str:
    words = [f"by {event.worker}, attempt {event.attempt}" if event.name == "claimed" else "", event_note(event)]
    return ", ".join(word for word in words if word)


def event_line(event: Event) -> str:
    """An event of any job or worker on one line."""
    subject = one_line(event.job or event.worker)
    return f"{time_of_day(event.at)}  {one_line(event.name):<14}  {subject:<16}  {one_line(_detail(event))}".rstrip()
