"""What a running attempt may ask of its worker: the `JobContext` that connectors get."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from functools import partial

from daemons.worker.agent.files import UNAVAILABLE, Files
from daemons.worker.agent.spool import spooled
from emp_core.artifacts import ArtifactStore
from emp_core.artifacts.contract import Place, in_chunks
from emp_core.clock import Clock
from emp_core.domain.file_names import safe_path
from emp_core.domain.outcome import Artifact
from emp_core.domain.policy import MAX_LINE
from emp_core.store import Claimed, Preview, Report

MAX_WAITING_LINES = 1_000
PREVIEW_SECONDS = 1.0


class AttemptContext:
    """Gathers what a connector reports; the agent takes it away twice a second."""

    def __init__(
        self,
        claim: Claimed,
        files: Files,
        artifacts: ArtifactStore,
        clock: Clock,
        on_news: Callable[[], None],
        stall_ms: int,
    ) -> None:
        """`artifacts` is the store of `files`, signed for this claim."""
        self._claim = claim
        self._files = files
        self._artifacts = artifacts
        self._stored: set[str] = set()
        """Artifacts whose upload was answered."""

        self._uploading = asyncio.Lock()
        """Bounds what waits on the worker's disk: one output of each attempt."""

        self._clock = clock
        self._on_news = on_news
        self._stall_ms = stall_ms
        self._percent: float | None = None
        self._message = ""
        self._lines: list[str] = []
        self._news = False
        self._preview: Preview | None = None
        self._previewed_at = float("-inf")
        self._ends_at = clock.monotonic() + claim.time_left_ms / 1000
        self._cancelled = asyncio.Event()

    @property
    def cancelled(self) -> asyncio.Event:
        return self._cancelled

    def progress(self, percent: float, message: str = "", node: str = "") -> None:
        if math.isfinite(percent):
            self._percent = min(max(percent, 0.0), 100.0)
        self._message = (f"{node}: {message}" if node and message else node or message)[:MAX_LINE]
        self.alive()

    def alive(self) -> None:
        if not self._news:
            self._news = True
            self._on_news()

    def log(self, line: str) -> None:
        if len(self._lines) < MAX_WAITING_LINES:
            self._lines.append(line[:MAX_LINE])
        self.alive()

    def preview(self, image: bytes, media_type: str) -> None:
        self._preview = Preview(media_type, image)
        self.alive()

    async def upload(self, name: str, chunks: AsyncIterator[bytes], media_type: str, kind: str = "output") -> Artifact:
        plain = safe_path(name)
        job_id, attempt = self._claim.job_id, self._claim.attempt
        tried = False

        async def send() -> Artifact:
            nonlocal tried
            arrived = await self._arrived(plain, kind, kept.sha256) if tried else None
            tried = True
            put = self._artifacts.put
            return arrived or await put(job_id, attempt, plain, kept.chunks(), media_type=media_type, kind=kind)

        async with self._uploading, spooled(chunks, self._files.spool) as kept:
            artifact = await self._files.reach(send, self)
        self._stored.add(artifact.id)
        return artifact

    async def _arrived(self, name: str, kind: str, sha256: str) -> Artifact | None:
        """The file of an upload that got no answer, if the store has it all the same."""
        for known in await self._artifacts.list(self._claim.job_id):
            is_new = Place.parse(known.id).attempt == self._claim.attempt and known.id not in self._stored
            if is_new and (known.name, known.kind, known.sha256) == (name, kind, sha256):
                return known
        return None

    async def upload_once(self, name: str, data: bytes, media_type: str) -> Artifact:
        """Upload without a second try: the caller can keep the data elsewhere."""
        job_id, attempt = self._claim.job_id, self._claim.attempt
        return await self._artifacts.put(job_id, attempt, name, in_chunks(data), media_type=media_type)

    async def about(self, artifact_id: str) -> Artifact:
        return await self._files.reach(partial(self._artifacts.get, artifact_id), self)

    async def download(self, artifact_id: str) -> AsyncIterator[bytes]:
        got = 0
        while True:
            chunks = await self._files.reach(partial(self._artifacts.open, artifact_id, start=got), self)
            try:
                async for chunk in chunks:
                    got += len(chunk)
                    yield chunk
            except UNAVAILABLE as error:
                await self._files.endure(error, self)
            else:
                return

    async def payload(self) -> bytes:
        """What the job asks for, if that is too large for the queue."""
        return await self._files.reach(partial(self._artifacts.get_payload, self._claim.job_id), self)

    def time_left(self) -> float:
        return self._ends_at - self._clock.monotonic()

    @property
    def has_lines(self) -> bool:
        """Whether log lines wait to be reported."""
        return bool(self._lines)

    def take_report(self) -> Report | None:
        """What is new since the last report."""
        if not self._news:
            return None
        report = Report(
            job_id=self._claim.job_id,
            attempt=self._claim.attempt,
            nonce=self._claim.nonce,
            percent=self._percent,
            stall_ms=self._stall_ms,
            message=self._message,
            lines=tuple(self._lines),
        )
        self._news, self._percent, self._lines = False, None, []
        return report

    def take_preview(self) -> Preview | None:
        """The latest picture, if it was not taken yet and the last one was taken a second ago or more."""
        now = self._clock.monotonic()
        if self._preview is None or now - self._previewed_at < PREVIEW_SECONDS:
            return None
        preview, self._preview, self._previewed_at = self._preview, None, now
        return preview

    def give_back(self, report: Report) -> None:
        """A report that did not get through: it goes with the next one."""
        self._lines = [*report.lines, *self._lines][:MAX_WAITING_LINES]
        if self._percent is None:
            self._percent = report.percent
        self.alive()
