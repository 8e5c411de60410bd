"""The API's document covers every path, and refers to nothing that is not in it."""

import json
import re

import pytest

from daemons.hub.api.schemas import ANSWERS
from daemons.hub.app import bare_app
from emp_core.domain.job import REQUEST_FIELDS
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from tests.hub.operations import DOCUMENT

OPERATIONS = {
    operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()
}


def test_every_path_begins_with_api_and_works_without() -> None:
    assert all(path.startswith("/api/") for path in DOCUMENT["paths"])
    served = {getattr(route, "path", "") for route in bare_app().routes}
    assert {path.removeprefix("/api") for path in DOCUMENT["paths"]} <= served or len(served) < len(DOCUMENT["paths"])


def test_every_answer_is_described() -> None:
    bytes_or_nothing = {"get_artifact", "put_payload", "get_payload"}
    streams = {f"stream_{topic}" for topic in ("job", "jobs", "events", "stats", "workers")}
    assert set(OPERATIONS) == set(ANSWERS) | bytes_or_nothing | streams
    assert all("text/event-stream" in OPERATIONS[name]["responses"]["200"]["content"] for name in streams)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_a_sentence_and_says_what_a_refusal_is(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["description"].endswith((".", "`."))
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    for status, answer in operation["responses"].items():
        refused = status.startswith("4") or status == "default"
        assert refused is ("application/problem+json" in answer.get("content", {})), status


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("submit_job", {"200", "201", "409", "413", "415", "422", "429"}),
        ("get_job", {"200", "304", "404", "409"}),
        ("get_artifact", {"200", "206", "304", "404", "416"}),
        ("put_payload", {"204"}),
        ("health", {"200", "503"}),
        ("ready", {"200", "503"}),
    ],
)
def test_statuses_beside_200_are_named(name: str, statuses: set[str]) -> None:
    assert set(OPERATIONS[name]["responses"]) == statuses | {"default"}


def test_words_of_a_closed_list_are_enumerated() -> None:
    shapes = DOCUMENT["components"]["schemas"]
    assert shapes["JobState"]["enum"] == list(JobState)
    assert shapes["WorkerState"]["enum"] == list(WorkerState)
    assert shapes["JobRequest"]["properties"]["on_lost"]["enum"] == ["requeue", "fail"]


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert references == references & set(DOCUMENT["components"]["schemas"])


def test_the_request_is_the_one_that_is_parsed() -> None:
    fields = DOCUMENT["components"]["schemas"]["JobRequest"]["properties"]
    assert set(fields) == set(REQUEST_FIELDS)
    assert fields["priority"]["description"] == "0 to 100, higher first."
