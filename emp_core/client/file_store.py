"""The file store of a queue, for a client that may never need it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

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
