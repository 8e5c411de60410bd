"""What every measurement is given: servers to order, and the size of the run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.server import running
from emp_core.store import Store, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """The conditions of a run."""

    engine: str = "redis"
    tcp: bool = False
    quick: bool = False

    def scaled(self, number: int) -> int:
        """A number of jobs, classes or repetitions; a tenth in a quick run."""
        return number // 10 if self.quick else number

    @asynccontextmanager
    async def queue(self, *, aof: bool = False) -> AsyncIterator[Store]:
        """An empty queue on a server of its own."""
        with running(self.engine, tcp=self.tcp, aof=aof) as server:
            store = await open_store(server.url)
            try:
                yield store
            finally:
                await store.close()
