"""A client of the tests' queue, with files of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emp_core.artifacts import ArtifactStore
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.redis_queue import RedisQueue
from emp_core.store import Store
from tests.support.redis_server import Server


@pytest.fixture
def surroundings(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that names the queue; the data directory."""
    for name in ("REDIS_URL", "HUB_REDIS_URL", "REDIS_HOST", "ARTIFACTS_URL", "HUB_WS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setenv("EMP_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
async def emp(surroundings: Path, store: Store) -> AsyncIterator[AsyncEmp]:
    async with await AsyncEmp.connect() as client:
        yield client


def files_of(emp: AsyncEmp) -> ArtifactStore:
    """Where the client's queue keeps its files."""
    assert isinstance(emp._queue, RedisQueue)
    return emp._queue._files()
