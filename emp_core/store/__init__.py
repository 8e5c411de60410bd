"""The Redis data layer: the only part of emp that speaks Redis.

`open_store` connects and returns the facades: `broker` writes jobs, `registry` writes workers, `inspector` reads for
people, `events` follows the stream, `upkeep` does the chores. They share one link; blocking reads get one of their own.
"""

from dataclasses import dataclass, replace

from emp_core.domain.caller import Caller
from emp_core.errors import QueueUnavailable
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
from emp_core.store.events import Batch, EventBus
from emp_core.store.inspector import ClassView, Inspector
from emp_core.store.memory import Memory, read_memory
from emp_core.store.previews import Preview, Previews
from emp_core.store.registry import Registered, Registry, WorkerIdInUse
from emp_core.store.search import Page, Search
from emp_core.store.server import Server
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


@dataclass(slots=True, kw_only=True)
class Store:
    """The facades over one queue."""

    url: str
    link: Link
    server: Server
    broker: Broker
    classes: ClassIndex
    registry: Registry
    inspector: Inspector
    search: Search
    events: EventBus
    upkeep: Upkeep
    transfers: Transfers
    previews: Previews
    queue_id: str | None
    """None if it has none yet and Redis takes no writes."""

    caller: Caller | None = None
    """For whom the queue is read and written; None: for this program itself."""

    @property
    def files_id(self) -> str:
        """The id under which the queue's files lie. Raises `QueueUnavailable`."""
        if self.queue_id is None:
            raise QueueUnavailable(
                "storage_readonly",
                "the place of the queue's files is not known: the queue has no id yet, and Redis takes no writes",
            )
        return self.queue_id

    def for_caller(self, caller: Caller) -> "Store":
        """The same queue as a caller sees it: its customer's jobs only, if it has one."""
        return replace(
            self,
            broker=self.broker.for_caller(caller),
            registry=self.registry.for_caller(caller),
            inspector=self.inspector.for_caller(caller),
            search=self.search.for_caller(caller),
            events=self.events.for_caller(caller),
            transfers=self.transfers.for_caller(caller),
            previews=self.previews.for_caller(caller),
            caller=caller,
        )

    def blocking_link(self) -> Link:
        """A link for one blocking reader; close it."""
        return Link(build_client(self.url, blocking=True), self.link.prefix, BLOCK_SECONDS + ANSWER_SECONDS)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.link.close()


def open_broker(url: str, prefix: str = DEFAULT_PREFIX) -> tuple[Broker, Link]:
    """A broker alone, over a queue that somebody else has checked."""
    link = Link(build_client(url), prefix)
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
    classes, inspector = ClassIndex(link), Inspector(link)
    return Store(
        url=url,
        link=link,
        server=server,
        broker=Broker(link, classes),
        classes=classes,
        registry=Registry(link, classes),
        inspector=inspector,
        search=Search(link, inspector),
        events=EventBus(link),
        upkeep=Upkeep(link, classes),
        transfers=Transfers(link, classes),
        previews=Previews(link, inspector),
        queue_id=queue_id,
    )
