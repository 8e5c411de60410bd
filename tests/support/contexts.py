"""A JobContext that remembers what a connector told it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping

from emp_core.domain.outcome import Artifact
from emp_core.errors import NotFound


class RecordingContext:
    """Keeps everything in memory. `seconds` is the attempt's time, which does not run down by itself."""

    def __init__(self, inputs: Mapping[str, bytes] | None = None, seconds: float = 60.0) -> None:
        self.cancelled = asyncio.Event()
        self.inputs = dict(inputs or {})
        self.seconds = seconds
        self.reports: list[tuple[float, str, str]] = []
        self.signs = 0
        self.lines: list[str] = []
        self.previews: list[tuple[bytes, str]] = []
        self.files: dict[str, bytes] = {}
        """Artifact id -> bytes."""

    @property
    def percents(self) -> list[float]:
        return [percent for percent, _, _ in self.reports]

    @property
    def messages(self) -> list[str]:
        return [message for _, message, _ in self.reports]

    def progress(self, percent: float, message: str = "", node: str = "") -> None:
        self.reports.append((percent, message, node))

    def alive(self) -> None:
        self.signs += 1

    def log(self, line: str) -> None:
        self.lines.append(line)

    def preview(self, image: bytes, media_type: str) -> None:
        self.previews.append((image, media_type))

    async def upload(self, name: str, chunks: AsyncIterator[bytes], media_type: str, kind: str = "output") -> Artifact:
        data = b"".join([chunk async for chunk in chunks])
        artifact = Artifact(
            id=f"job/1/{len(self.files)}",
            name=name,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            media_type=media_type,
            kind=kind,
        )
        self.files[artifact.id] = data
        return artifact

    async def about(self, artifact_id: str) -> Artifact:
        if artifact_id not in self.inputs:
            raise NotFound("artifact", artifact_id)
        data = self.inputs[artifact_id]
        return Artifact(id=artifact_id, name="input", size=len(data), sha256=hashlib.sha256(data).hexdigest())

    async def download(self, artifact_id: str) -> AsyncIterator[bytes]:
        if artifact_id not in self.inputs:
            raise NotFound("artifact", artifact_id)
        yield self.inputs[artifact_id]

    def time_left(self) -> float:
        return self.seconds
