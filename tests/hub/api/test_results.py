"""Results over REST: whole, wherever the data lies, and streamed if it is large."""

import json
from typing import Any

import httpx
import pytest
from obstore.store import MemoryStore

from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.domain.policy import MAX_INLINE_PAYLOAD, MAX_WHOLE_RESULT
from emp_core.errors import ArtifactsUnavailable
from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit

LARGE = {"text": "x" * (MAX_INLINE_PAYLOAD + 1)}
VERY_LARGE = {"text": "ż" * (MAX_WHOLE_RESULT // 2 + 1), "seed": 2**64 + 1}


async def complete(store: Store, artifacts: ObjectArtifacts, data: Any) -> str:
    worker = await register(store)
    job_id = await submit(store)
    await worker.complete_in_a_file(artifacts, await worker.take(), data)
    return job_id


@pytest.mark.parametrize("data", [{"seed": 2**64 + 1}, LARGE, VERY_LARGE], ids=["small", "large", "very large"])
async def test_a_result_in_a_file_is_answered_whole(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts, data: Any
) -> None:
    job_id = await complete(store, artifacts, data)
    answer = await hub.get(f"/api/jobs/{job_id}/result")
    assert answer.status_code == 200
    assert body_of(answer)["result"]["data"] == data
    assert [file["name"] for file in body_of(answer)["result"]["artifacts"]] == ["a.png"]
    assert (body_of(answer)["status"], body_of(answer)["failure"]) == ("completed", None)
    assert b"result_artifact" not in answer.content


async def test_a_very_large_result_is_sent_in_parts(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts
) -> None:
    job_id = await complete(store, artifacts, VERY_LARGE)
    answer = await hub.get(f"/api/jobs/{job_id}/result")
    assert "content-length" not in answer.headers
    assert "content-length" in (await hub.get(f"/api/jobs/{await complete(store, artifacts, LARGE)}/result")).headers


@pytest.mark.parametrize(("data", "is_there"), [({"seed": 7}, True), (LARGE, False)])
async def test_a_jobs_view_has_its_data_or_says_where_it_is(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts, data: Any, is_there: bool
) -> None:
    job_id = await complete(store, artifacts, data)
    answer = await hub.get(f"/api/jobs/{job_id}")
    job = body_of(answer)
    assert job["result"]["data"] == (data if is_there else None)
    assert job["result_url"] == (None if is_there else f"/api/jobs/{job_id}/result")
    assert [file["name"] for file in job["result"]["artifacts"]] == ["a.png"]
    assert b"result_artifact" not in answer.content


async def test_while_the_artifact_store_is_away_the_result_is_503_and_the_job_is_still_shown(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await complete(store, artifacts, {"seed": 7})

    async def away(*_: object, **__: object) -> None:
        raise ArtifactsUnavailable("the file store is not available now")

    monkeypatch.setattr(ObjectArtifacts, "open", away)
    refused = await hub.get(f"/api/jobs/{job_id}/result")
    assert (refused.status_code, body_of(refused)["code"]) == (503, "artifacts_unavailable")
    job = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (job["status"], job["result"]["data"], job["result_url"]) == (
        "completed",
        None,
        f"/api/jobs/{job_id}/result",
    )


async def test_a_result_whose_file_is_gone_is_404_with_why(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts, files: MemoryStore
) -> None:
    job_id = await complete(store, artifacts, {"seed": 7})
    await artifacts.delete_job(job_id)
    refused = await hub.get(f"/api/jobs/{job_id}/result")
    assert (refused.status_code, body_of(refused)["kind"]) == (404, "result file")
    assert "deleted" in body_of(refused)["hint"]
    assert json.loads((await hub.get(f"/api/jobs/{job_id}")).content)["status"] == "completed"
