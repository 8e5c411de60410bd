"""The Redis data layer: the only part of emp that speaks Redis.

`open_store` connects and returns the facades: `broker` writes jobs, `registry` writes workers, `inspector` reads for
people, `events` follows the stream, `upkeep` does the chores. They share one link; blocking reads get one of their own.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from emp_core.domain.caller import Caller
from emp_core.errors import QueueUnavailable
from emp_core.on_demand import on_demand
from emp_core.store.connection import (
    ANSWER_SECONDS,
    BLOCK_SECONDS,
    DEFAULT_PREFIX,
    MAX_CONNECTIONS,
    Link,
    build_client,
    check_server,
    open_link,
    queue_id_of,
)
from emp_core.store.server import Server

if TYPE_CHECKING:
    from emp_core.store.broker import (
        Broker,
        Life,
        Report,
        Settlement,
        Turn,
        Verb,
        Wish,
        completed,
        failed,
        mismatched,
        released,
        stopped,
    )
    from emp_core.store.classes import ClassIndex
    from emp_core.store.codec import Attempt, Claimed, ClaimKey
    from emp_core.store.events import Batch, EventBus
    from emp_core.store.inspector import ClassView, Inspector
    from emp_core.store.memory import Memory, read_memory
    from emp_core.store.previews import Preview, Previews
    from emp_core.store.registry import Registered, Registry, WorkerIdInUse
    from emp_core.store.search import Page, Search
    from emp_core.store.submits import Submitted
    from emp_core.store.summary import Summary
    from emp_core.store.transfers import Stays, Transfers, WaitingJob
    from emp_core.store.upkeep import Retention, Upkeep

__all__ = [
    "Attempt",
    "Batch",
    "Broker",
    "ClaimKey",
    "Claimed",
    "ClassIndex",
    "ClassView",
    "EventBus",
    "Inspector",
    "Life",
    "Link",
    "Memory",
    "Page",
    "Preview",
    "Previews",
    "Registered",
    "Registry",
    "Report",
    "Retention",
    "Search",
    "Server",
    "Settlement",
    "Stays",
    "Store",
    "Submitted",
    "Summary",
    "Transfers",
    "Turn",
    "Upkeep",
    "Verb",
    "WaitingJob",
    "Wish",
    "WorkerIdInUse",
    "completed",
    "failed",
    "mismatched",
    "open_broker",
    "open_store",
    "read_memory",
    "released",
    "stopped",
]


__getattr__ = on_demand(
    __name__,
    {
        "emp_core.store.broker": "Broker Life Report Settlement Turn Verb Wish"
        " completed failed mismatched released stopped",
        "emp_core.store.classes": "ClassIndex",
        "emp_core.store.codec": "Attempt Claimed ClaimKey",
        "emp_core.store.events": "Batch EventBus",
        "emp_core.store.inspector": "ClassView Inspector",
        "emp_core.store.memory": "Memory read_memory",
        "emp_core.store.previews": "Preview Previews",
        "emp_core.store.registry": "Registered Registry WorkerIdInUse",
        "emp_core.store.search": "Page Search",
        "emp_core.store.submits": "Submitted",
        "emp_core.store.summary": "Summary",
        "emp_core.store.transfers": "Stays Transfers WaitingJob",
        "emp_core.store.upkeep": "Retention Upkeep",
    },
)


class Scoped(Protocol):
    """A facade that can be limited to what a caller may see."""

    def for_caller(self, caller: Caller) -> Self: ...


F = TypeVar("F", bound=Scoped)


@dataclass(kw_only=True)
class Store:
    """The facades over one queue, each made and imported when it is first used."""

    url: str
    link: Link
    server: Server
    queue_id: str | None
    """None if it has none yet and Redis takes no writes."""

    caller: Caller | None = None
    """For whom the queue is read and written; None: for this program itself."""

    whole: "Store | None" = None
    """The store that this one shows to its caller."""

    @property
    def files_id(self) -> str:
        """The id under which the queue's files lie. Raises `QueueUnavailable`."""
        if self.queue_id is None:
            raise QueueUnavailable(
                "storage_readonly",
                "the place of the queue's files is not known: the queue has no id yet, and Redis takes no writes",
            )
        return self.queue_id

    @cached_property
    def broker(self) -> "Broker":
        """Writes jobs."""
        from emp_core.store.broker import Broker

        return self._scoped(self.whole.broker if self.whole else Broker(self.link, self.classes))

    @cached_property
    def classes(self) -> "ClassIndex":
        """Judges classes."""
        from emp_core.store.classes import ClassIndex

        return self.whole.classes if self.whole else ClassIndex(self.link)

    @cached_property
    def registry(self) -> "Registry":
        """Writes workers."""
        from emp_core.store.registry import Registry

        return self._scoped(self.whole.registry if self.whole else Registry(self.link, self.classes))

    @cached_property
    def inspector(self) -> "Inspector":
        """Reads for people."""
        from emp_core.store.inspector import Inspector

        return self._scoped(self.whole.inspector if self.whole else Inspector(self.link))

    @cached_property
    def search(self) -> "Search":
        """Finds jobs."""
        from emp_core.store.search import Search

        return self._scoped(self.whole.search if self.whole else Search(self.link, self.inspector))

    @cached_property
    def events(self) -> "EventBus":
        """Follows the stream."""
        from emp_core.store.events import EventBus

        return self._scoped(self.whole.events if self.whole else EventBus(self.link))

    @cached_property
    def upkeep(self) -> "Upkeep":
        """Does the chores."""
        from emp_core.store.upkeep import Upkeep

        return self.whole.upkeep if self.whole else Upkeep(self.link, self.classes)

    @cached_property
    def transfers(self) -> "Transfers":
        """Moves jobs between queues."""
        from emp_core.store.transfers import Transfers

        return self._scoped(self.whole.transfers if self.whole else Transfers(self.link, self.classes))

    @cached_property
    def previews(self) -> "Previews":
        """Keeps previews of running jobs."""
        from emp_core.store.previews import Previews

        return self._scoped(self.whole.previews if self.whole else Previews(self.link, self.inspector))

    def _scoped(self, facade: F) -> F:
        return facade.for_caller(self.caller) if self.caller else facade

    def for_caller(self, caller: Caller) -> "Store":
        """The same queue as a caller sees it: its customer's jobs only, if it has one."""
        return Store(
            url=self.url,
            link=self.link,
            server=self.server,
            queue_id=self.queue_id,
            caller=caller,
            whole=self.whole or self,
        )

    def blocking_link(self) -> Link:
        """A link for one blocking reader; close it."""
        prefix = self.link.prefix
        return Link(build_client(self.url, prefix, blocking=True), prefix, BLOCK_SECONDS + ANSWER_SECONDS)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.link.close()


def open_broker(url: str, prefix: str = DEFAULT_PREFIX) -> "tuple[Broker, Link]":
    """A broker alone, over a queue that somebody else has checked."""
    from emp_core.store.broker import Broker
    from emp_core.store.classes import ClassIndex

    link = Link(build_client(url, prefix), prefix)
    return Broker(link, ClassIndex(link)), link


async def open_store(
    url: str,
    prefix: str = DEFAULT_PREFIX,
    max_connections: int = MAX_CONNECTIONS,
    *,
    upgrade: bool = False,
    writes: bool = True,
) -> Store:
    """Connect, check the server, and build the facades. Raises `QueueUnavailable` or `Misconfigured`.

    `upgrade` takes over a queue that an earlier version wrote. Without `writes` an empty server stays empty.
    """
    link = await open_link(url, prefix, max_connections)
    try:
        server = await check_server(link, upgrade=upgrade, writes=writes)
        queue_id = await queue_id_of(link, writes=writes)
    except BaseException:
        await link.close()
        raise
    return Store(url=url, link=link, server=server, queue_id=queue_id)
