"""What a command knows before it starts: the root options, and the way to the queue."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import typer

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the command."""

    redis: str | None = None
    """What `--redis` said."""

    farewell: str = ""
    """What Ctrl-C says: what goes on without us."""


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command made."""
    return cast(Session, ctx.find_object(Session))


@asynccontextmanager
async def connected(session: Session) -> AsyncGenerator["AsyncEmp", None]:
    """A client for the length of a command."""
    from emp_cli.surroundings import connect  # redis and pydantic take 200 ms to import

    async with await connect(session.redis) as emp:
        yield emp
