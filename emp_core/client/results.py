"""What came of a job, wherever its data lies.

A worker keeps a result that is too large for Redis as a file, and stores the file's id in the place of the data.
Callers see the data, and never that id.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.outcome import Artifact
from emp_core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore

IN_PLACE_OF_DATA = "result_artifact"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome that the queue keeps."""

    value: dict[str, Any] | None
    """`data` and `artifacts` of a completed job, the failure of a failed one; None if there is neither."""

    file: Artifact | None = None
    """The file that has the data, which is None in `value` then."""


def outcome_of(stored: object) -> Outcome:
    """Read an outcome as the queue keeps it; a damaged one is none."""
    if not isinstance(stored, dict):
        return Outcome(None)
    data = stored.get("data")
    if not isinstance(data, dict) or data.keys() != {IN_PLACE_OF_DATA}:
        return Outcome(stored)
    files = {entry["id"]: entry for entry in stored.get("artifacts", ())}
    described = files.pop(data[IN_PLACE_OF_DATA], None)
    if described is None:  # the job's own data, which happens to look so
        return Outcome(stored)
    return Outcome({**stored, "data": None, "artifacts": list(files.values())}, Artifact(**described))


async def whole(outcome: Outcome, store: "ArtifactStore | None") -> dict[str, Any] | None:
    """The outcome with its data. Raises `NotFound` if the data's file is gone; `store` is needed if there is one."""
    if outcome.value is None or outcome.file is None or store is None:
        return outcome.value
    text = b"".join([chunk async for chunk in await _open(store, outcome.file)])
    return {**outcome.value, "data": load_json(text)}


async def as_json(outcome: Outcome, store: "ArtifactStore | None") -> AsyncGenerator[bytes, None]:
    """The same as JSON text in chunks, so that memory never holds a large result whole.

    The first chunk comes after the data's file was opened: what is wrong with it is raised before.
    """
    if outcome.value is None or outcome.file is None or store is None:
        yield dump_json(outcome.value)
        return
    chunks = await _open(store, outcome.file)
    others = dump_json({name: value for name, value in outcome.value.items() if name != "data"})
    yield b'{"data":'
    async for chunk in chunks:
        yield chunk
    yield b"," + others[1:]


async def _open(store: "ArtifactStore", file: Artifact) -> AsyncIterator[bytes]:
    try:
        return _checked(await store.open(file.id), file)
    except NotFound:
        why = "it was deleted, or the artifact store here is not the one that the worker used (ARTIFACTS_URL)"
        raise NotFound("result file", file.id, hint=why) from None


async def _checked(chunks: AsyncIterator[bytes], file: Artifact) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != file.sha256:
        raise Conflict(f"result file {file.id} arrived damaged", hint="try again")
