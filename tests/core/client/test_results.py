"""Results are answered whole, wherever their data lies."""

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from emp_core import AsyncEmp, Emp
from emp_core.client import results
from emp_core.client.redis_queue import RedisQueue
from emp_core.client.results import Outcome, outcome_of
from emp_core.domain.outcome import Result
from emp_core.errors import ArtifactsUnavailable, Conflict, Misconfigured, NotFound
from emp_core.store import Store, completed
from tests.core.client.conftest import files_of
from tests.support.builders import register, submit

DATA = {"seed": 2**64 + 1, "text": "żółw \U0001f422", "list": [], "none": None}


async def complete(emp: AsyncEmp, store: Store, data: Any = DATA) -> str:
    """A job whose result lies in a file."""
    worker = await register(store)
    job_id = await submit(store)
    await worker.complete_in_a_file(files_of(emp), await worker.take(), data)
    return job_id


async def streamed(emp: AsyncEmp, job_id: str) -> bytes:
    return b"".join([chunk async for chunk in emp.result_stream(job_id)])


async def test_a_result_in_a_file_is_answered_as_one_in_redis(emp: AsyncEmp, store: Store) -> None:
    job_id = await complete(emp, store)
    result = await emp.result(job_id)
    assert result is not None
    assert result["data"] == DATA
    assert [file["name"] for file in result["artifacts"]] == ["a.png"]
    assert [file.name for file in await emp.artifacts(job_id)] == ["a.png"]
    assert json.loads(await streamed(emp, job_id)) == result
    assert (await emp.outcome(job_id)).value == {**result, "data": None}


async def test_a_result_in_redis_is_streamed_too(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.complete(await worker.take(), seed=7)
    assert json.loads(await streamed(emp, job_id)) == await emp.result(job_id) == {"data": {"seed": 7}, "artifacts": []}


def test_the_blocking_client_reads_and_streams_it(surroundings: Path, emp: AsyncEmp, store: Store) -> None:
    with Emp() as blocking:
        blocking._run(lambda: complete(blocking._emp, store_of(blocking)))
        job_id = blocking.jobs().jobs[0].id
        result = blocking.result(job_id)
        assert result is not None
        assert json.loads(b"".join(blocking.result_stream(job_id))) == result


def store_of(emp: Emp) -> Store:
    queue = emp._emp._queue
    assert isinstance(queue, RedisQueue)
    return queue._store


async def test_data_that_only_looks_like_a_file_is_the_jobs_own(emp: AsyncEmp, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    own = {"result_artifact": f"{job_id}/1/9"}
    await worker.settle(completed(await worker.take(), Result(data=own)))
    assert await emp.result(job_id) == {"data": own, "artifacts": []}


@pytest.mark.parametrize("stored", [None, [], "text", 7])
def test_a_damaged_outcome_is_none(stored: object) -> None:
    assert outcome_of(stored) == Outcome(None)


async def test_no_result_yet_is_none_and_no_job_is_not_found(emp: AsyncEmp, store: Store) -> None:
    job_id = await submit(store)
    assert await emp.result(job_id) is None
    assert await streamed(emp, job_id) == b"null"
    for ask in (emp.outcome, emp.result, emp.artifacts):
        with pytest.raises(NotFound, match="no job nobody"):
            await ask("nobody")


async def test_a_file_that_is_gone_is_not_found_with_why(emp: AsyncEmp, store: Store, surroundings: Path) -> None:
    job_id = await complete(emp, store)
    shutil.rmtree(surroundings / "artifacts" / store.files_id / job_id)
    for ask in (emp.result, lambda job_id: streamed(emp, job_id)):
        with pytest.raises(NotFound, match=f"no result file {job_id}/1/1") as told:
            await ask(job_id)
        assert "ARTIFACTS_URL" in told.value.hint


async def test_a_file_that_was_changed_is_not_taken_for_the_result(
    emp: AsyncEmp, store: Store, surroundings: Path
) -> None:
    job_id = await complete(emp, store)
    (surroundings / "artifacts" / store.files_id / job_id / "1" / "1").write_bytes(b'{"seed": 1}')
    with pytest.raises(Conflict, match="arrived damaged"):
        await emp.result(job_id)


async def test_an_artifact_store_that_is_away_is_told_as_such(
    emp: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await complete(emp, store)

    async def away(*_: object, **__: object) -> None:
        raise ArtifactsUnavailable("the file store is not available now")

    with monkeypatch.context() as outage:
        outage.setattr(type(files_of(emp)), "open", away)
        with pytest.raises(ArtifactsUnavailable):
            await emp.result(job_id)
    object.__setattr__(emp._location, "artifacts", None)
    assert isinstance(emp._queue, RedisQueue)
    emp._queue._files._opened = None
    with pytest.raises(Misconfigured, match="no setting says where"):
        await emp.result(job_id)
    assert await emp.artifacts(job_id)


async def test_a_stream_holds_a_small_part_of_a_large_result(emp: AsyncEmp, store: Store) -> None:
    size = 48 * 1024 * 1024
    job_id = await complete(emp, store, {"text": "x" * size})
    outcome = await emp.outcome(job_id)
    tracemalloc.start()
    try:
        seen = 0
        async for chunk in results.as_json(outcome, files_of(emp)):
            seen += len(chunk)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen > size
    assert most < size / 4
