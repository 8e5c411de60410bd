"""A request as it is read: canonical fields, contradictions, limits."""

from types import MappingProxyType
from typing import Any

import pytest

from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import REQUEST_FIELDS, JobRequest
from emp_core.domain.json_text import load_json
from emp_core.domain.requirements import MAX_REQUIREMENTS_BYTES, Requirements
from emp_core.errors import InvalidInput, LimitExceeded

Body = dict[str, Any]

WHOLE: Body = {
    "service": "comfyui",
    "job_type": "upscale",
    "priority": 75,
    "payload": {"prompt": {}},
    "requirements": {"gpu_memory_gb": 24},
    "customer_id": "acme",
    "workflow_id": "w-1",
    "labels": {"batch": "42"},
    "workflow_datetime": 1_750_000_000_000,
    "depends_on": ["b", "a"],
    "on_dependency_failure": "run",
    "max_failures": 5,
    "on_lost": "requeue",
    "timeout_seconds": 90,
    "queue_ttl_seconds": 3600,
    "run_at": 1_760_000_000_000,
    "deadline": 1_760_000_000_001,
    "idempotency_key": "once",
    "id": "job-1",
}


def refusal(body: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        JobRequest.parse(body)
    return caught.value


def test_a_whole_request() -> None:
    request = JobRequest.parse(WHOLE)
    assert set(WHOLE) | {"template", "params"} == set(REQUEST_FIELDS)
    assert {name: getattr(request, name) for name in WHOLE if name not in ("requirements", "depends_on")} == {
        name: value for name, value in WHOLE.items() if name not in ("requirements", "depends_on")
    }
    assert request.depends_on == ("a", "b")
    assert request.requirements.to_json() == {
        "services": ("comfyui",),
        "job_type": "upscale",
        "gpu_memory_gb": 24,
        "customer_id": "acme",
    }


def test_null_is_absent() -> None:
    assert JobRequest.parse(dict.fromkeys(REQUEST_FIELDS) | {"service": "x"}) == JobRequest.parse({"service": "x"})


def test_customer_and_job_type_may_stand_in_the_requirements() -> None:
    request = JobRequest.parse({"requirements": {"customer_id": "acme", "job_type": "txt2img"}})
    assert (request.customer_id, request.job_type) == ("acme", "txt2img")
    assert request.requirements.services == ("a1111", "comfyui")


def test_an_unknown_job_type_is_the_name_of_its_service() -> None:
    assert JobRequest.parse({"job_type": "my-thing"}).requirements.services == ("my-thing",)


def test_a_service_narrows_those_that_are_asked_for() -> None:
    asked = {"services": ["a1111", "comfyui"]}
    assert JobRequest.parse({"service": "comfyui", "requirements": asked}).requirements.services == ("comfyui",)
    assert JobRequest.parse({"requirements": asked}).requirements.services == ("a1111", "comfyui")


def test_at_most_once_means_one_failure() -> None:
    assert JobRequest.parse({"service": "x", "on_lost": "fail", "max_failures": 3}).max_failures == 1


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"service": None, "job_type": None}, "service", "is missing"),
        ({"service": "com fy"}, "service", "must be 1 to 128 of"),
        ({"requirements": {"services": ["a1111"]}}, "service", "is comfyui, but requirements.services are a1111"),
        ({"requirements": {"customer_id": "b"}}, "requirements.customer_id", "is 'b', but customer_id is 'acme'"),
        ({"requirements": {"job_type": ["x"]}}, "requirements.job_type", "is ['x'], but job_type is 'upscale'"),
        ({"requirements": []}, "requirements", "must be an object, not []"),
        ({"requirements": {"gpu": 1}}, "requirements.gpu", "is not a known field"),
        ({"priorty": 1}, "priorty", "is not a known field; did you mean priority?"),
        ({"priority": 101}, "priority", "must be 0 to 100, not 101"),
        ({"priority": 1.5}, "priority", "must be a whole number"),
        ({"template": "t"}, "payload", "give a payload, or a template with params, not both"),
        ({"params": {}}, "payload", "give a payload, or a template with params, not both"),
        ({"payload": [1]}, "payload", "must be an object, not [1]"),
        ({"payload": {"a": float("nan")}}, "payload", "has a number that JSON cannot hold"),
        ({"deadline": 1_760_000_000_000}, "deadline", "must be later than run_at"),
        ({"run_at": 4_102_444_800_001}, "run_at", "must be 0 to"),
        ({"max_failures": 0}, "max_failures", "must be 1 to 100, not 0"),
        ({"timeout_seconds": 0}, "timeout_seconds", "must be 0.001 to"),
        ({"on_lost": "keep"}, "on_lost", "must be one of requeue, fail, not 'keep'"),
        ({"on_dependency_failure": "rum"}, "on_dependency_failure", "did you mean run?"),
        ({"depends_on": ["a b"]}, "depends_on", "must be 1 to 128 of"),
        ({"id": "-x"}, "id", "begin with a letter or a digit"),
        ({"customer_id": ""}, "customer_id", "must be 1 to 128 of"),
        ({"idempotency_key": "x" * 300}, "idempotency_key", "must have 1 to 256 characters"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field(changes: Body, field: str, problem: str) -> None:
    error = refusal(WHOLE | changes)
    assert error.field == field
    assert problem in error.problem


def test_a_body_must_be_an_object() -> None:
    assert refusal([1]).field == "body"
    assert refusal({"job_type": ["x"]}).field == "job_type"
    assert refusal({"requirements": {"job_type": ["x"]}}).field == "requirements.job_type"


def test_parents_are_not_without_end() -> None:
    with pytest.raises(LimitExceeded) as caught:
        JobRequest.parse({"service": "x", "depends_on": [f"p{number}" for number in range(101)]})
    assert caught.value.limit == "max_parents"


def body_of(**body: Any) -> Any:
    return load_json(JobRequest.parse({"service": "x", **body}).body_text())


def test_the_worker_gets_a_payload_or_a_template_with_params() -> None:
    assert body_of(payload={"seed": 2**64}) == {"payload": {"seed": 2**64}}
    assert body_of(params={"a": []}) == {"payload": {"a": []}}
    assert body_of() == {"payload": {}}
    assert body_of(template="t", params={"a": 1}) == {"template": "t", "params": {"a": 1}}
    assert body_of(template="t") == {"template": "t", "params": {}}


def test_a_payload_over_64_mib_is_refused() -> None:
    request = JobRequest.parse({"service": "x", "payload": {"a": "x" * (64 * 1024 * 1024)}})
    with pytest.raises(LimitExceeded) as caught:
        request.body_text()
    assert (caught.value.field, caught.value.limit) == ("payload", "max_payload_bytes")


def digest(**changes: Any) -> str:
    return JobRequest.parse(WHOLE | changes).digest()


@pytest.mark.parametrize("field", sorted({*WHOLE} - {"id", "idempotency_key"}))
def test_another_body_has_another_digest(field: str) -> None:
    changes: Body = {
        "service": "a1111",
        "job_type": "other",
        "payload": {"b": 1},
        "requirements": {"gpu_memory_gb": 25},
        "customer_id": "b",
        "workflow_id": "w-2",
        "labels": {"batch": "43"},
        "depends_on": ["a"],
        "on_dependency_failure": "fail",
        "on_lost": "fail",
    }
    later = WHOLE[field] + 1 if isinstance(WHOLE[field], int) and field != "run_at" else 1_700_000_000_000
    assert digest(**{field: changes.get(field, later)}) != digest()


def test_same_body_under_another_id_and_key_has_same_digest() -> None:
    assert digest(id="other", idempotency_key="other") == digest()


@pytest.mark.parametrize("field", ["payload", "params"])
def test_order_of_keys_does_not_change_the_digest(field: str) -> None:
    one = {"service": "x", field: {"a": 1, "b": {"c": [1, {"d": 2, "e": 3}], "f": 2**64}}}
    other = {field: {"b": {"f": 2**64, "c": [1, {"e": 3, "d": 2}]}, "a": 1}, "service": "x"}
    assert JobRequest.parse(one).digest() == JobRequest.parse(other).digest()


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (2**53, 2**53 + 1), (2**64, 2**64 + 1), (1, True), (0, None), ([1, 2], [2, 1])]
)
def test_values_compare_as_written(one: Any, other: Any) -> None:
    assert digest(payload={"value": one}) != digest(payload={"value": other})


def test_absent_null_and_empty_requirements_have_same_digest() -> None:
    bodies: list[Body] = [{}, {"requirements": None}, {"requirements": {}}, {"requirements": {"gpu_count": None}}]
    assert len({JobRequest.parse({"service": "x", **body}).digest() for body in bodies}) == 1


def test_digest_covers_what_was_sent_and_no_defaults() -> None:
    sent = {"service": "x"}
    filled = JobRequest.parse({"service": "x", "priority": 70, "timeout_seconds": 5}, sent=sent)
    assert (filled.priority, filled.digest()) == (70, JobRequest.parse(sent).digest())


def test_digest_of_python_sets_and_mappings_is_that_of_their_json() -> None:
    request = JobRequest.parse({"service": "x", "depends_on": {"b", "a"}, "payload": MappingProxyType({"a": (1,)})})
    assert (
        request.digest() == JobRequest.parse({"service": "x", "depends_on": ["a", "b"], "payload": {"a": [1]}}).digest()
    )


def test_digest_names_its_version_and_the_earlier_one_is_still_known() -> None:
    request = JobRequest.parse({name: value for name, value in WHOLE.items() if name != "labels"})
    assert (request.digest()[:2], request.earlier_digest()) == ("2:", "c11efy7p9ggg")
    assert request.is_earlier("c11efy7p9ggg")
    assert not request.is_earlier("c11efy7p9ggh")
    assert not request.is_earlier(request.digest())


def asking(size: int) -> Body:
    """A body whose canonical requirements have so many bytes."""
    tags = [f"{number:03d}{'x' * 250}" for number in range(size // 256 - 1)]
    custom = {"tags": tags, "pad": "z"}
    left = size - len(Requirements.parse({"services": "x", "custom": custom}).canonical())
    return {"service": "x", "requirements": {"custom": {**custom, "pad": "z" * (left + 1)}}}


def test_requirements_have_a_limit() -> None:
    assert len(JobRequest.parse(asking(MAX_REQUIREMENTS_BYTES)).requirements.canonical()) == MAX_REQUIREMENTS_BYTES
    with pytest.raises(LimitExceeded) as caught:
        JobRequest.parse(asking(MAX_REQUIREMENTS_BYTES + 1))
    assert (caught.value.field, caught.value.limit) == ("requirements", "max_requirements_bytes")
    assert (caught.value.value, caught.value.maximum) == (64 * 1024 + 1, 64 * 1024)


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        {LONG: 1},
        {"service": LONG},
        {"service": "x", "payload": LONG},
        {"service": "x", "requirements": {LONG: 1}},
        {"service": "x", "requirements": {"hardware": {LONG: 1}}},
        {"service": "x", "requirements": {"hardware": {"gpu": {LONG: 1}}}},
        {"service": "x", "requirements": {"positive_requirements": {LONG: 1}}},
        {"service": "x", "requirements": {"custom": {LONG: 1}, "positive_requirements": {LONG: 2}}},
        {"service": "x", "requirements": {"custom": {"a": LONG}, "positive_requirements": {"a": f"{LONG}y"}}},
        {"service": "x", "service_required": LONG},
        {"service": LONG, "service_required": "x"},
        {"service": "x", "job_type": "a", "requirements": {"job_type": LONG}},
        {"service": "x", "requirements": {"services": [f"{number}{'s' * 200}" for number in range(200)]}},
        {"service": "x", "depends_on": [LONG]},
        {"service": "x", "priority": [LONG]},
    ],
)
def test_a_refusal_does_not_repeat_all_that_was_sent(body: Body) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobRequest.parse(canonical_request(body))
    assert len(caught.value.message) < 600
    assert len(caught.value.field) < 300
