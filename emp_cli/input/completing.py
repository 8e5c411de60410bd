"""What the shell offers for an id: what the queue has. It has 0.3 s for it, and says nothing where it cannot."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

SECONDS = 0.3
AT_MOST = 50

Offers = list[tuple[str, str]]


def job_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """Jobs, with their states."""

    async def read(emp: "AsyncEmp") -> Offers:
        page = await emp.jobs(limit=AT_MOST)
        return [(job.id, f"{job.state} {job.service}") for job in page.jobs]

    return _offers(ctx, read, incomplete)


def worker_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """Workers, with their states."""

    async def read(emp: "AsyncEmp") -> Offers:
        return [(worker.id, worker.state.value) for worker in await emp.workers()]

    return _offers(ctx, read, incomplete)


def _offers(ctx: typer.Context, read: Callable[["AsyncEmp"], Awaitable[Offers]], incomplete: str) -> Offers:
    import asyncio

    from emp_cli.surroundings import connect

    async def ask() -> Offers:
        async with asyncio.timeout(SECONDS), await connect(ctx.find_root().params.get("redis")) as emp:
            return await read(emp)

    try:
        found = asyncio.run(ask())
    except (EmpError, TimeoutError):
        return []
    return [(name, text) for name, text in found if name.startswith(incomplete)]
