"""The requests of the older systems' documents and programs, and the examples of the API's own document, are taken."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from daemons.hub.api.schemas import examples
from emp_core.store import Store
from tests.generated import ROOT
from tests.hub.conftest import body_of
from tests.hub.operations import DOCUMENT
from tests.support.builders import register, submit

DATA = ROOT / "tests" / "data"
CONVERSATIONS: Mapping[str, list[dict[str, Any]]] = {
    name: calls
    for folder in ("documents", "predecessors")
    for name, calls in json.loads((DATA / folder / "rest.json").read_text(encoding="utf-8")).items()
}


def found(content: Any, path: str) -> Any:
    """What stands at `job.labels.batch`, or at `jobs.0.id`."""
    for step in path.split("."):
        content = content[int(step)] if isinstance(content, list) else content[step]
    return content


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_requests_of_older_programs_are_taken(hub: httpx.AsyncClient, name: str) -> None:
    job_id = ""
    for call in CONVERSATIONS[name]:
        path = call["path"].format(job_id=job_id)
        answer = await hub.request(call["method"], path, json=call.get("body"))
        content = body_of(answer)
        assert answer.status_code == call["status"], (call, content)
        assert {each: found(content, each) for each in call["has"]} == call["has"], call
        if answer.status_code == 201:
            job_id = content["job_id"]


EXAMPLES = [(name, title) for name, bodies in examples.BODIES.items() for title in bodies]
PATHS = {
    operation["operationId"]: (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


@pytest.mark.parametrize(("name", "title"), EXAMPLES)
async def test_example_of_the_document_is_taken(hub: httpx.AsyncClient, store: Store, name: str, title: str) -> None:
    await register(store)
    job_id = await submit(store)
    for other in examples.BODIES[name].get("by ids", {}).get("ids", ()):
        await submit(store, id=other)
    ids = {"job_id": job_id, "worker_id": "gpu1:0", "workflow_id": "film-7", "whose": "customer:acme"}
    method, path = PATHS[name]
    answer = await hub.request(method, path.format(**ids), json=examples.BODIES[name][title])
    assert (answer.is_success, body_of(answer)["success"]) == (True, True), body_of(answer)


async def test_lines_of_the_document_are_taken(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs", content=examples.LINES, headers={"Content-Type": "application/x-ndjson"})
    assert (body_of(answer)["stored"], body_of(answer)["refused"]) == (2, 0)
