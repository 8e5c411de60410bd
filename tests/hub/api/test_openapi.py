"""The API's document covers every path, and refers to nothing that is not in it."""

import json
import re

import pytest

from daemons.hub.api.schemas import ANSWERS
from daemons.hub.app import bare_app
from emp_core.domain.job import REQUEST_FIELDS
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
    assert "422" not in operation["responses"]


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert references == references & set(DOCUMENT["components"]["schemas"])


def test_the_request_is_the_one_that_is_parsed() -> None:
    fields = DOCUMENT["components"]["schemas"]["JobRequest"]["properties"]
    assert set(fields) == set(REQUEST_FIELDS)
    assert fields["priority"]["description"] == "0 to 100, higher first."
