"""Whether Redis still is what it was when the hub began: a failover, or a hand at its settings, may have changed it."""

import structlog

from emp_core.errors import AccessDenied, Misconfigured
from emp_core.store import Store
from emp_core.store.connection import check_server

log = structlog.get_logger()


class CheckServer:
    """Keeps up to date what answers say of durability, and speaks up where jobs are in danger."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run_once(self) -> int:
        """1 where it changed."""
        try:
            found = await check_server(self._store.link)
        except AccessDenied:
            raise
        except Misconfigured as error:
            log.warning("queue.misconfigured", why=error.message, fix=error.hint)
            return 0
        if found == self._store.server:
            return 0
        self._store.server = found
        log.warning("queue.changed", engine=f"{found.engine} {found.version}", durability=found.durability)
        return 1
