"""Stores jobs: names them, keeps large payloads in the file store, and takes back those that no job has."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from emp_core.client.patience import in_time
from emp_core.domain.job import JobRequest
from emp_core.domain.policy import JOBS_A_CALL
from emp_core.errors import ArtifactsUnavailable, EmpError, QueueUnavailable
from emp_core.ids import new_job_id
from emp_core.store import Store, Submitted
from emp_core.store.submits import taken

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore

log = logging.getLogger(__name__)

Answer = Submitted | EmpError


async def submit_many(
    store: Store, files: "Callable[[], ArtifactStore]", requests: Sequence[JobRequest], patience: float | None
) -> list[Answer]:
    """As `Queue.submit_many`."""
    # If the answer is lost, the job may be stored: the error has this id, under which the caller can send it again.
    ids = [request.id or new_job_id() for request in requests]
    answers: list[Answer] = []
    spilling = _Spilling(store, files, patience)
    failure: QueueUnavailable | None = None
    # The limit is that of one call.
    at_once = max(len(requests), 1) if patience is None else JOBS_A_CALL
    try:
        for start in range(0, len(requests), at_once):
            some, their_ids = requests[start : start + at_once], ids[start : start + at_once]
            async with in_time(store.link, patience) as spilling.limit:
                await store.broker.submit_many(some, spilling.keep, answers, their_ids)
    except QueueUnavailable as error:
        unanswered = ids[len(answers) :]
        failure = error.about(unanswered) if not answers else None
        answers += [error.about([job_id]) for job_id in unanswered]
    told = zip(requests, ids, answers, strict=True)
    await spilling.drop(job_id for request, job_id, answer in told if not request.id and _is_void(answer))
    if failure is not None:
        raise failure
    return answers


def _is_void(answer: Answer) -> bool:
    """Whether it is certain that there is no job under the id that was drawn."""
    if isinstance(answer, QueueUnavailable):
        return answer.code not in QueueUnavailable.MAYBE_DONE
    return isinstance(answer, EmpError) or answer.repeated


class _Spilling:
    """Keeps the large payloads of a submit; the time that the file store takes for it does not count."""

    def __init__(self, store: Store, files: "Callable[[], ArtifactStore]", patience: float | None) -> None:
        self._store = store
        self._files = files
        self._patience = patience
        self._kept: set[str] = set()
        self.limit = asyncio.timeout(None)
        """Of the calls under way."""

    async def keep(self, job_id: str, payload: bytes) -> None:
        # If the queue is unavailable, callers would leave a file with each of their attempts.
        await self._store.link.call("PING")
        if await self._store.inspector.is_taken(job_id):
            raise taken(job_id)
        self.limit.reschedule(None)
        self._kept.add(job_id)
        try:
            await self._files().put_payload(job_id, payload)
        finally:
            if self._patience is not None:
                self.limit.reschedule(asyncio.get_running_loop().time() + self._patience)

    async def drop(self, job_ids: Iterable[str]) -> None:
        """Delete those that no job has. What cannot be deleted now, or lies behind a hub, the hub's sweep deletes."""
        doomed = self._kept.intersection(job_ids)
        if doomed:
            await delete_files(self._files(), doomed)


async def delete_files(files: "ArtifactStore", job_ids: Iterable[str]) -> None:
    """Delete the files of jobs; those behind a hub, and those that cannot be deleted now, the hub's sweep deletes."""
    from emp_core.artifacts.objects import ObjectArtifacts

    if not isinstance(files, ObjectArtifacts):
        return
    try:
        for job_id in job_ids:
            await files.delete_job(job_id)
    except ArtifactsUnavailable as error:
        log.warning("the files of deleted jobs stay for now: %s", error.message)
