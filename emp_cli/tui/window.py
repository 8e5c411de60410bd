"""The part of a long list of jobs that is in memory: a few pages, read by cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emp_cli.tui.reads import JobsRead
from emp_core.domain.filter import EVERY_JOB, Filter
from emp_core.domain.job import Job

if TYPE_CHECKING:
    from emp_core.client.queue import Page

PAGES = 3
"""Pages that are kept. A screen is never taller than one."""

MARGIN = 4
"""The next page is read when less than this part of a page is left in memory: a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a page begins."""

    cursor: str
    before: int
    """Rows in front of it, as they were counted when it was read."""


TOP = Start(cursor="", before=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window over the jobs that match a filter."""

    wanted: Filter = EVERY_JOB
    starts: tuple[Start, ...] = (TOP,)
    """The pages in front of the window, and its own first page as the last."""

    wide: int = 1
    """How many pages to read."""

    size: int = 100
    pages: "tuple[Page, ...]" = ()
    """As the queue gave them last."""

    @property
    def rows(self) -> list[Job]:
        """The jobs in memory."""
        return [job for page in self.pages for job in page.jobs]

    @property
    def before(self) -> int:
        """Rows in front of the window."""
        return self.starts[-1].before

    @property
    def total(self) -> int | None:
        """How many jobs match in all; None if only reading them could tell."""
        if self.pages and not self.goes_on:
            return self.before + sum(len(page.jobs) for page in self.pages)
        return next((page.total for page in self.pages), None)

    @property
    def goes_on(self) -> bool:
        """Whether there is more behind the window."""
        return bool(self.pages) and self.pages[-1].cursor is not None

    @property
    def read(self) -> JobsRead:
        """What the feed is to read for it."""
        return JobsRead(wanted=self.wanted, start=self.starts[-1].cursor, pages=self.wide, size=self.size)

    def filled(self, pages: "Sequence[Page]") -> "Window":
        """The window with what was read for it."""
        return replace(self, pages=tuple(pages))

    def moved(self, first: int, last: int) -> "Window":
        """The window that is needed to show these rows of it with a margin: itself, or a wider or another one."""
        rows, margin = sum(len(page.jobs) for page in self.pages), self.size // MARGIN
        if last + margin >= rows and self.goes_on:
            return replace(self, wide=self.wide + 1) if self.wide < PAGES else self._down()
        if first < margin and len(self.starts) > 1:
            return replace(self, starts=self.starts[:-1])
        return self

    def _down(self) -> "Window":
        first = self.pages[0]
        if first.cursor is None:
            return self
        start = Start(cursor=first.cursor, before=self.before + len(first.jobs))
        return replace(self, starts=(*self.starts, start), pages=self.pages[1:])
