"""The file store of a queue, for a client that may never need it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from emp_core.client.locate import Location
from emp_core.errors import Misconfigured

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore


class Files:
    """The file store, opened when it is first needed."""

    def __init__(self, opener: "Callable[[], ArtifactStore]") -> None:
        self._opener = opener
        self._opened: ArtifactStore | None = None

    def __call__(self) -> "ArtifactStore":
        if self._opened is None:
            self._opened = self._opener()
        return self._opened

    async def close(self) -> None:
        """Close it, if it was needed."""
        if self._opened is not None:
            await self._opened.aclose()


def open_files(location: Location, files_id: str) -> "ArtifactStore":
    """Open the file store that a setting names. Raises `Misconfigured` if none does."""
    if location.artifacts is None:
        raise Misconfigured(
            "no setting says where job files are stored",
            hint="set ARTIFACTS_URL, or HUB_WS_URL to go through the hub",
        )
    from emp_core.artifacts import open_artifacts  # pydantic and obstore take time

    return open_artifacts(location.artifacts, files_id, token=location.token)
