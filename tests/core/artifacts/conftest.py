from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from emp_core.artifacts import ArtifactStore
from emp_core.artifacts.local import LocalArtifacts
from emp_core.artifacts.objects import ObjectArtifacts
from tests.support.artifacts import MAX_BYTES, through_hub


@pytest.fixture
def local(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(tmp_path / "files", max_bytes=MAX_BYTES)


@pytest.fixture(params=["memory", "local"])
def holder(request: pytest.FixtureRequest, local: LocalArtifacts) -> ObjectArtifacts:
    """A store that keeps the files itself."""
    return local if request.param == "local" else ObjectArtifacts(MemoryStore(), max_bytes=MAX_BYTES)


@pytest.fixture(params=["memory", "local", "hub"])
async def store(request: pytest.FixtureRequest, local: LocalArtifacts) -> AsyncIterator[ArtifactStore]:
    memory = ObjectArtifacts(MemoryStore(), max_bytes=MAX_BYTES)
    stores: dict[str, ArtifactStore] = {"memory": memory, "local": local, "hub": through_hub(memory)}
    yield stores[request.param]
    await stores[request.param].aclose()
