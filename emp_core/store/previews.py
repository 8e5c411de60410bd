"""`Previews`: the latest picture of a running job, which its worker stores only while a caller watches the job."""

from copy import copy
from dataclasses import dataclass
from typing import Self

from emp_core.domain.caller import Caller
from emp_core.domain.policy import MAX_PREVIEW, POLICY
from emp_core.store.codec import ClaimKey
from emp_core.store.connection import Link
from emp_core.store.inspector import Inspector


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture of a job on its way."""

    media_type: str
    image: bytes
    too_large: int = 0
    """Bytes of a picture that is not stored because it has more than 128 KiB; `image` is empty then."""


class Previews:
    """Callers say that they watch a job; the answer to its worker's next report tells the worker."""

    def __init__(self, link: Link, inspector: Inspector) -> None:
        self._link = link
        self._inspector = inspector

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller."""
        own = copy(self)
        own._inspector = self._inspector.for_caller(caller)
        return own

    async def watch(self, job_id: str) -> None:
        """Ask for previews of a job for some seconds. Raises `NotFound` for a job of another customer."""
        await self._inspector.check_own(job_id)
        await self._link.call("SET", self._link.key(f"job.watched:{job_id}"), "", "PX", POLICY.watched_ms)

    async def of(self, job_id: str) -> Preview | None:
        """The latest picture; None if there is none yet, or not any more."""
        await self._inspector.check_own(job_id)
        text: bytes | None = await self._link.call("GET", self._link.key(f"job.preview:{job_id}"))
        if text is None:
            return None
        head, _, image = text.partition(b"\n")
        media_type, _, too_large = head.decode("utf-8", "replace").partition("\t")
        return Preview(media_type, image, int(too_large or 0))

    async def keep(self, worker: str, claim: ClaimKey, preview: Preview) -> str:
        """Store the picture of a running attempt: `ok`, `stale`, or `large` if only its size is stored."""
        is_large = len(preview.image) > MAX_PREVIEW
        media_type = preview.media_type.replace("\n", " ").replace("\t", " ")
        head = f"{media_type}\t{len(preview.image)}" if is_large else media_type
        answer: bytes = await self._link.run(
            "keep_preview",
            worker=worker,
            id=claim.job_id,
            attempt=str(claim.attempt),
            nonce=claim.nonce,
            preview=head.encode("utf-8", "replace") + b"\n" + (b"" if is_large else preview.image),
        )
        return "large" if is_large and answer == b"ok" else answer.decode()
