"""Schemathesis makes requests from the API's document; a hub on a real Redis answers them as the document says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from emp_core.client.orders import VERBS
from tests.hub.operations import DOCUMENT
from tests.hub.test_process import running
from tests.support.redis_server import Server

LANGUAGES = ("submit_job", "list_jobs", *(f"{verb}_jobs" for verb in VERBS))
"""Operations with a filter, a cursor or ids of jobs, of which the document cannot say which of them are right."""

EXAMPLES = 4
"""Of each operation, in each of the two modes."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_answers_are_those_of_the_document(server: Server, tmp_path: Path, mode: GenerationMode) -> None:
    async with running(tmp_path, server.url) as hub:
        failures = await asyncio.to_thread(failures_of, hub.listening["urls"][0], mode)
    assert failures == {}


def failures_of(url: str, mode: GenerationMode) -> dict[str, str]:
    """What is wrong, by operation."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    failures: dict[str, str] = {}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.definition.raw["operationId"].startswith("stream_"):
            continue  # its answer goes on until the caller leaves
        try:
            call_all(operation, url, mode)
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, operation.label  # without parameters no request is wrong
        except FailureGroup as group:
            failures[operation.label] = "\n".join(f"{type(each).__name__}: {each}" for each in group.exceptions)
    return failures


def call_all(operation: Any, url: str, mode: GenerationMode) -> None:
    name = operation.definition.raw["operationId"]
    excluded = [positive_data_acceptance] if name in LANGUAGES else []
    excluded += [negative_data_rejection] if name == "submit_job" else []  # a wrong line of a batch is refused alone

    @seed(7)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        case.call_and_validate(base_url=url, timeout=60, excluded_checks=excluded)

    call()
