"""The files of a job that goes to another queue: a payload that is too large for Redis, and the files that it names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.policy import MAX_INLINE_PAYLOAD
from emp_core.store.transfers import WaitingJob

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore


def has_files(job: WaitingJob) -> bool:
    """Whether a job's payload is in the file store, or may name files that are."""
    return job.body is None or b'"files"' in job.body


async def carry_files(job: WaitingJob, source: "ArtifactStore", target: "ArtifactStore") -> WaitingJob:
    """Copy a job's files; the job with the names that they have in the target. Repeat it, and no file is there twice.

    Raises `NotFound` if a file is gone, or `ArtifactsUnavailable`.
    """
    body: dict[str, Any] = load_json(job.body if job.body is not None else await source.get_payload(job.id))
    payload = body.get("payload") or {}
    named = payload.get("files")
    if isinstance(named, Mapping) and all(isinstance(file_id, str) for file_id in named.values()):
        there = {(file.name, file.sha256): file.id for file in await target.list(job.id)}
        payload["files"] = {
            name: await _carry_file(job.id, file_id, source, target, there) for name, file_id in named.items()
        }
    text = dump_json(body)
    if len(text) <= MAX_INLINE_PAYLOAD:
        return replace(job, body=text)
    await target.put_payload(job.id, text)
    return replace(job, body=None)


async def _carry_file(
    job_id: str, file_id: str, source: "ArtifactStore", target: "ArtifactStore", there: Mapping[tuple[str, str], str]
) -> str:
    file = await source.get(file_id)
    if known := there.get((file.name, file.sha256)):
        return known
    chunks = await source.open(file_id)
    return (await target.put(job_id, 1, file.name, chunks, media_type=file.media_type, kind="input")).id
