"""The store's tests run on Valkey alone and on a cluster of Redis: on both engines, and with both kinds of client.

Redis alone would prove nothing more. The cluster runs the same functions on it, and also refuses keys of two slots.
What the store asks of a server when it opens a queue is tested on Redis alone too (`test_connection.py`).
"""

from collections.abc import Callable, Iterator

import pytest

from tests.support.redis_server import Server


@pytest.fixture(params=["valkey", "cluster"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def full(server: Server) -> Iterator[Callable[[bool], None]]:
    """Takes all memory away, or gives it back."""
    yield lambda full: server.client.config_set("maxmemory", "1mb" if full else "0")
    server.client.config_set("maxmemory", "0")
