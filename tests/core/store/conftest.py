"""The store's tests run on every engine."""

import pytest

from tests.support.redis_server import ENGINES


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)
