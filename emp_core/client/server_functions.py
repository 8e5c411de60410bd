"""What emp has loaded into a Redis server, for `emp redis functions`."""

from emp_core.client.locate import Location
from emp_core.store.connection import open_link
from emp_core.store.functions import Loaded

__all__ = ["Loaded", "server_functions"]


async def server_functions(location: Location, *, prune: bool = False) -> tuple[list[Loaded], list[Loaded]]:
    """The libraries that are there, and those of other versions that `prune` dropped. Raises `QueueUnavailable`."""
    link = await open_link(location.url, location.prefix, location.max_connections)
    try:
        found = await link.libraries()
        others = [each for each in found if not each.current] if prune else []
        for each in others:
            await link.drop_library(each.name)
        return [each for each in found if each not in others], others
    finally:
        await link.close()
