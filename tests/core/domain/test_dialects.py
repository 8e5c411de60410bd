"""The bodies of the predecessors' documents, and every alias of theirs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import JobRequest
from emp_core.errors import InvalidInput
from tests.core.domain import strategies as some

Body = dict[str, Any]

DOCUMENTS: dict[str, tuple[Body, Body]] = {
    "mock environment": (
        {
            "job_type": "image_generation",
            "priority": 5,
            "params": {"prompt": "A beautiful landscape with mountains", "width": 512, "height": 512, "steps": 20},
        },
        {
            "job_type": "image_generation",
            "priority": 5,
            "payload": {"prompt": "A beautiful landscape with mountains", "width": 512, "height": 512, "steps": 20},
        },
    ),
    "refactoring": (
        {
            "job_id": "test-job-123",
            "job_type": "image_generation",
            "priority": 5,
            "params": {"prompt": "a beautiful sunset"},
            "client_id": "test-client",
        },
        {
            "id": "test-job-123",
            "job_type": "image_generation",
            "priority": 5,
            "payload": {"prompt": "a beautiful sunset"},
        },
    ),
    "rebuild": (
        {
            "service_type": "comfyui",
            "customer_id": "customer-123",
            "priority": 75,
            "payload": {"workflow": {}},
            "requirements": {"hardware": {"gpu": {"memory_gb": 8}}},
        },
        {
            "service": "comfyui",
            "customer_id": "customer-123",
            "priority": 75,
            "payload": {"workflow": {}},
            "requirements": {"gpu_memory_gb": 8},
        },
    ),
    "guide": (
        {
            "type": "text_to_image",
            "priority": 50,
            "payload": {"prompt": "a beautiful landscape", "steps": 20},
            "requirements": {"service_type": "comfyui"},
        },
        {
            "job_type": "text_to_image",
            "service": "comfyui",
            "priority": 50,
            "payload": {"prompt": "a beautiful landscape", "steps": 20},
        },
    ),
    "socket of the Python hub": (
        {"type": "submit_job", "timestamp": 1.7e9, "message_id": "m-1", "job_type": "comfyui", "payload": {}},
        {"id": "m-1", "job_type": "comfyui", "payload": {}},
    ),
    "step of a workflow": (
        {
            "service_required": "comfyui",
            "priority": None,
            "payload": {},
            "customer_id": "",
            "workflow_id": "wf",
            "workflow_priority": 70,
            "workflow_datetime": 1_751_000_000_123,
            "step_number": 2,
            "current_step": 2,
            "total_steps": 3,
            "retry_count": 0,
            "max_retries": 3,
        },
        {
            "service": "comfyui",
            "priority": 70,
            "payload": {},
            "workflow_id": "wf",
            "workflow_datetime": 1_751_000_000_123,
            "max_failures": 3,
            "labels": {"current_step": "2", "total_steps": "3"},
        },
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_body_of_the_documents(name: str) -> None:
    body, canonical = DOCUMENTS[name]
    assert canonical_request(body) == canonical
    JobRequest.parse(canonical_request(body))


def test_a_task_keeps_its_name_and_finds_its_services() -> None:
    request = JobRequest.parse(canonical_request(DOCUMENTS["mock environment"][0]))
    assert (request.job_type, request.requirements.services) == ("image_generation", ("a1111", "comfyui"))
    request = JobRequest.parse(canonical_request(DOCUMENTS["guide"][0]))
    assert (request.job_type, request.requirements.services) == ("text_to_image", ("comfyui",))


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        ({"service_required": "a", "service_type": "a", "type": "t"}, {"service": "a", "job_type": "t"}),
        ({"message_id": "m", "job_id": "m"}, {"id": "m"}),
        ({"params": {}, "payload": {}}, {"payload": {}}),
        ({"params": {"a": 1}, "template": "t"}, {"params": {"a": 1}, "template": "t"}),
        ({"priority": 9, "workflow_priority": 3}, {"priority": 3}),
        ({"priority": 0, "workflow_priority": None}, {"priority": 0}),
        ({"max_retries": 0}, {"max_failures": 1}),
        ({"max_retries": 1}, {"max_failures": 1}),
        ({"max_retries": 5, "max_failures": 5}, {"max_failures": 5}),
        ({"timeout_minutes": 1.5}, {"timeout_seconds": 90}),
        ({"workflow_datetime": 1_751_000_000.5}, {"workflow_datetime": 1_751_000_000_500}),
        ({"step_number": 2, "current_step": "2"}, {"labels": {"current_step": "2"}}),
        ({"total_steps": 3, "labels": {"a": "b"}}, {"labels": {"total_steps": "3", "a": "b"}}),
        ({"requirements": None}, {}),
        ({"requirements": []}, {}),
        ({"requirements": ""}, {}),
        ({"requirements": {}}, {}),
    ],
)
def test_an_alias_of_the_job(body: Body, canonical: Body) -> None:
    assert canonical_request(body) == canonical


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        (
            {"hardware": {"gpu": {"memory_gb": 8, "count": 2, "model": "x"}}},
            {"gpu_memory_gb": 8, "gpu_count": 2, "gpu_model": "x"},
        ),
        ({"hardware": {"cpu": {"cores": 4}, "memory": {"total_gb": 32}}}, {"cpu_cores": 4, "ram_gb": 32}),
        (
            {"hardware": {"gpu_memory_gb": 8, "cpu_cores": 4, "ram_gb": 32, "storage_gb": 9}},
            {"gpu_memory_gb": 8, "cpu_cores": 4, "ram_gb": 32, "disk_gb": 9},
        ),
        ({"hardware": {"gpu_memory_gb": "all", "cpu_cores": None, "ram_gb": 0}}, {}),
        ({"hardware": {"gpu_memory_gb": 8, "gpu": {"memory_gb": 8}}}, {"gpu_memory_gb": 8}),
        ({"storage_gb": 9}, {"disk_gb": 9}),
        ({"component": "c", "workflow": "w"}, {"components": ["c"], "workflows": ["w"]}),
        ({"component": "all", "workflow": "all", "models": "all"}, {}),
        ({"models": ["m"]}, {"models": ["m"]}),
        ({"customer_isolation": "strict"}, {"isolation": "strict"}),
        ({"geographic_region": "eu", "cost_tier": "economy"}, {"regions": ["eu"], "tiers": ["economy"]}),
        ({"compliance": ["gdpr"], "quality_level": "fast"}, {"compliance": ["gdpr"], "quality_level": "fast"}),
        (
            {"positive_requirements": {"hardware": {"gpu_memory_gb": 8}, "component": "c"}},
            {"gpu_memory_gb": 8, "components": ["c"]},
        ),
        (
            {"positive_requirements": {"asset_type": "video", "features": {"a": [1]}, "x": None}},
            {"custom": {"asset_type": "video", "features": {"a": [1]}}},
        ),
        ({"positive_requirements": {"a": 1}, "custom": {"b": 2}}, {"custom": {"a": 1, "b": 2}}),
        (
            {"negative_requirements": {"asset_type": "video"}, "exclude": {"b": 2}},
            {"exclude": {"asset_type": "video", "b": 2}},
        ),
    ],
)
def test_an_alias_of_the_requirements(asked: Body, canonical: Body) -> None:
    assert canonical_request({"requirements": asked}) == ({"requirements": canonical} if canonical else {})


def test_what_old_requirements_say_of_the_job_goes_to_the_job() -> None:
    asked = {"service_type": "a", "timeout_minutes": 2}
    assert canonical_request({"requirements": asked}) == {"service": "a", "timeout_seconds": 120}
    assert canonical_request({"requirements": {"positive_requirements": {"service_type": "a"}}}) == {"service": "a"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service_required": "a", "service_type": "b"}, "service_type"),
        ({"service_type": "a", "requirements": {"service_type": "b"}}, "requirements.service_type"),
        ({"service": "a", "service_required": "b"}, "service_required"),
        ({"job_type": "a", "type": "b"}, "type"),
        ({"job_id": "a", "message_id": "b"}, "message_id"),
        ({"params": {"a": 1}, "payload": {}}, "payload"),
        ({"max_retries": 5, "max_failures": 4}, "max_failures"),
        ({"step_number": 2, "current_step": 3}, "current_step"),
        ({"current_step": 2, "labels": {"current_step": "3"}}, "labels.current_step"),
        ({"timeout_minutes": 1, "requirements": {"timeout_minutes": 2}}, "requirements.timeout_minutes"),
        ({"requirements": {"hardware": {"gpu_memory_gb": 8}, "gpu_memory_gb": 9}}, "requirements.gpu_memory_gb"),
        ({"requirements": {"customer_isolation": "none", "isolation": "strict"}}, "requirements.isolation"),
        ({"requirements": {"positive_requirements": {"a": 1}, "custom": {"a": 2}}}, "requirements.custom.a"),
    ],
)
def test_a_body_that_contradicts_itself_is_refused_by_its_field(body: Body, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical_request(body)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        ([1], "body", "must be an object"),
        ({"max_retries": "many"}, "max_retries", "must be a number"),
        ({"current_step": "last"}, "current_step", "must be a number"),
        ({"current_step": 2, "labels": ["a"]}, "labels", "must be an object"),
        ({"timeout_minutes": -1}, "timeout_minutes", "must be 0 to"),
        ({"workflow_datetime": "yesterday"}, "workflow_datetime", "must be a number"),
        ({"requirements": "fast"}, "requirements", "must be an object"),
        ({"requirements": {"hardware": 8}}, "requirements.hardware", "must be an object"),
        (
            {"requirements": {"hardware": {"gpu": {"memroy_gb": 8}}}},
            "requirements.hardware.gpu.memroy_gb",
            "did you mean gpu.memory_gb?",
        ),
        (
            {"requirements": {"negative_requirements": {"hardware": {}}}},
            "requirements.negative_requirements.hardware",
            "only custom",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_field(body: Any, field: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical_request(body)
    assert caught.value.field == field
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"service": "a", "servce_type": "b"}, "servce_type"),
        ({"service": "a", "requirements": {"gpu": 1}}, "requirements.gpu"),
    ],
)
def test_what_nobody_reads_is_refused_when_the_job_is_read(body: Body, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobRequest.parse(canonical_request(body))
    assert caught.value.field == field


canonical_jobs: dict[str, st.SearchStrategy[Any]] = {
    "service": some.words,
    "job_type": some.words,
    "priority": st.integers(0, 100),
    "payload": st.dictionaries(some.words, some.scalars),
    "customer_id": some.words,
    "workflow_id": some.words,
    "workflow_datetime": st.integers(1_700_000_000_000, 1_800_000_000_000),
    "depends_on": some.word_lists,
    "max_failures": st.integers(1, 9),
    "timeout_seconds": st.integers(1, 9),
    "run_at": st.integers(1_700_000_000_000, 1_800_000_000_000),
    "id": some.words,
}


@given(st.fixed_dictionaries({}, optional=canonical_jobs), some.requirements)
def test_a_canonical_body_passes_unchanged(job: Body, asked: Any) -> None:
    body = job | ({"requirements": asked.to_json()} if asked.to_json() else {})
    assert canonical_request(body) == body
    assert canonical_request(canonical_request(body)) == body


@given(
    st.dictionaries(st.sampled_from([*canonical_jobs, "type", "params", "requirements", "max_retries"]), some.wild_json)
)
def test_a_wild_body_is_read_or_refused(body: Body) -> None:
    try:
        JobRequest.parse(canonical_request(body))
    except InvalidInput as error:
        assert error.field  # noqa: PT017 - some are fine
