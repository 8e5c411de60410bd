"""The store's tests run on every engine."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.redis_server import ENGINES, Server


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def full(server: Server) -> Iterator[Callable[[bool], None]]:
    """Takes all memory away, or gives it back."""
    yield lambda full: server.client.config_set("maxmemory", "1mb" if full else "0")
    server.client.config_set("maxmemory", "0")
