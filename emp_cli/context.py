"""What a command knows before it starts: the root options, and the way to the queue."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from shlex import join
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.locate import Location
    from emp_core.client.redis_queue import RedisQueue
    from emp_core.domain.caller import Caller


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the command."""

    arguments: tuple[str, ...] = ()
    """What was typed behind `emp`."""

    redis: str | None = None
    """What `--redis` said."""

    context: str | None = None
    """What `--context` said."""

    read_only: bool = False
    """Whether commands that change anything are refused."""

    farewell: str = ""
    """What Ctrl-C says: what goes on without us."""

    @property
    def caller(self) -> "Caller":
        """Who gives the command."""
        from emp_core.client.this_process import this_process

        return this_process(read_only=self.read_only)

    def check_change(self, what: str) -> None:
        """Raises `Forbidden` in read-only mode, before a command that changes something reads anything."""
        if self.read_only:
            from emp_core.domain.caller import Role

            self.caller.check_change(Role.OPERATOR, what)

    def command(self, *more: str) -> str:
        """What was typed, with more options, to be typed again; without the password of a URL."""
        from emp_core.urls import masked

        words = [word.replace(self.redis, masked(self.redis)) if self.redis else word for word in self.arguments]
        place = words.index("--") if "--" in words else len(words)
        return join(["emp", *words[:place], *more, *words[place:]])


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command made."""
    return cast(Session, ctx.find_object(Session))


@asynccontextmanager
async def connected(session: Session) -> AsyncGenerator["AsyncEmp", None]:
    """A client for the length of a command."""
    from emp_cli.surroundings import connect  # redis and pydantic take 200 ms to import

    async with await connect(session.redis, session.context, caller=session.caller) as emp:
        yield emp


@asynccontextmanager
async def opened(session: Session, other: str | None = None) -> AsyncGenerator[tuple["RedisQueue", "Location"]]:
    """The queue of the command, or another one, by its URL."""
    from emp_cli.surroundings import reach  # redis and pydantic take 200 ms to import

    place = (other, None) if other else (session.redis, session.context)
    queue, location = await reach(*place, caller=session.caller)
    try:
        yield queue, location
    finally:
        await queue.close()
