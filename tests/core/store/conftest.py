"""The store's tests run on Valkey alone and on a cluster of Redis: on both engines, and with both kinds of client.

Redis alone would prove nothing more. The cluster runs the same scripts on it, and also refuses keys of two slots.
What the store asks of a server when it opens a queue is tested on Redis alone too (`test_connection.py`).
"""

import pytest


@pytest.fixture(params=["valkey", "cluster"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)
