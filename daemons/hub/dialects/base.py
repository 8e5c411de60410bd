"""What sessions of older programs have in common."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

import structlog

from daemons.hub.api.dependencies import Hub, in_time
from daemons.hub.dialects.emp_redis import text_of
from daemons.hub.ws.outbox import Outbox
from emp_core.clock import Clock
from emp_core.domain.caller import Caller
from emp_core.domain.events import Event, Reported
from emp_core.domain.json_text import parse_json
from emp_core.domain.values import read_mapping, shown
from emp_core.errors import EmpError, InvalidInput

log = structlog.get_logger()

Act = Callable[[Mapping[str, Any]], Awaitable[None]]


class OldSession:
    """Carries out messages one after the other, by their `type`. An unknown type is answered with an error."""

    def __init__(self, hub: Hub, caller: Caller, outbox: Outbox, clock: Clock, name: str) -> None:
        self.hub = hub
        self.queue = hub.queue.for_caller(caller)
        self.outbox = outbox
        self.clock = clock
        self.name = name
        self.gap = asyncio.Event()

    @property
    def acts(self) -> Mapping[str, Act]:
        """Type -> what it does."""
        return {}

    def welcome(self) -> None:
        """The first message."""

    async def hear(self, text: str | bytes) -> None:
        """Carry out a message and answer it, whatever it is."""
        try:
            message = read_mapping("message", parse_json("message", text))
            act = self.acts.get(str(message.get("type")), self._refuse)
            async with in_time(self.hub):
                await act(message)
        except EmpError as error:
            self.say("error", error=error.message, details=error.hint or None)
        except Exception:  # the boundary: a bug must close neither this socket nor others
            log.exception("ws.failed")
            self.say("error", error="an internal error of the hub; see its log")

    async def read_again(self) -> NoReturn:
        """After each gap, tell how all that is followed is now; until cancelled."""
        while True:
            await self.gap.wait()
            self.gap.clear()
            await self.tell_again()

    async def tell_again(self) -> None:
        """How all that is followed is now."""

    def end(self) -> None:
        """Follow nothing more."""

    def say(self, kind: str, /, *, key: str | None = None, **fields: Any) -> None:
        """Send a message, with the time; `key`: it takes the place of an earlier one that still waits."""
        self.outbox.put(text_of(kind, self.clock.now_ms(), **fields), key=key)

    async def _refuse(self, message: Mapping[str, Any]) -> None:
        known = f"one of {', '.join(self.acts)}"
        raise InvalidInput("type", f"Unsupported message type: {shown(message.get('type'))}", hint=known)

    def on_event(self, event: Event) -> None:
        """Followers of jobs are told otherwise."""

    def on_report(self, reported: Reported) -> None:
        """The same."""

    def on_gap(self) -> None:
        """See `read_again`."""
        self.gap.set()

    def on_outage(self, reason: str) -> None:
        """They know no message for it; what they ask meanwhile is answered with an error."""
