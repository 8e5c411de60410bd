"""An outage of the queue: logged once when it begins and once when it ends."""

import asyncio

import structlog

from emp_core.errors import AccessDenied, QueueUnavailable

log = structlog.get_logger()

UNAVAILABLE = (QueueUnavailable, AccessDenied)
"""A daemon that runs waits until the queue answers again, also while a password is being changed."""


class Outage:
    """Shared by all callers of a daemon.

    Redis may refuse only some of them: when it is full, or when its user may not run every command. So the outage ends
    when a caller that was refused gets an answer.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._since = 0.0

    def begin(self, error: QueueUnavailable | AccessDenied, caller: str = "") -> None:
        """A call was refused or not answered."""
        if not self._refused:
            self._since = asyncio.get_running_loop().time()
            code = error.code if isinstance(error, QueueUnavailable) else "access_denied"
            log.warning("queue.unavailable", code=code, reason=error.message)
        self._refused.add(caller)

    def end(self, caller: str = "") -> None:
        """A call was answered."""
        if caller in self._refused:
            log.info("queue.back", seconds=round(asyncio.get_running_loop().time() - self._since, 1))
            self._refused.clear()
