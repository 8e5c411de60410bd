"""What is read, what is refused, and that a refusal names the field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain import values
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.requirements import Requirements
from emp_core.errors import InvalidInput
from tests.core.domain import strategies as some


def refusal(source: dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        Requirements.parse(source)
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("gpu_memory_gb", "lots", "must be a number, not 'lots'"),
        ("gpu_memory_gb", True, "must be a number, not True"),
        ("gpu_memory_gb", {}, "must be a number, not {}"),
        ("gpu_memory_gb", -1, "must be 0 to 1e+09, not -1"),
        ("gpu_memory_gb", float("nan"), "must be 0 to 1e+09, not nan"),
        ("gpu_memory_gb", "inf", "must be 0 to 1e+09, not inf"),
        ("gpu_memory_gb", 10**400, "must be 0 to 1e+09"),
        ("gpu_count", 1.5, "must be a whole number, not 1.5"),
        ("job_type", 5, "must be text, not 5"),
        ("job_type", "  ", "must have 1 to 256 characters"),
        ("job_type", "x" * 257, "must have 1 to 256 characters"),
        ("job_type", "a\nb", "has control characters"),
        ("job_type", "a\x85", "has control characters"),
        ("job_type", "\ud800", "a lone surrogate"),
        ("gpu_model", "\u0130" * 200, "must have 1 to 256 characters"),
        ("customer_id", "a b", "begin with a letter or a digit, not 'a b'"),
        ("isolation", "strickt", "must be one of none, loose, strict, not 'strickt'; did you mean strict?"),
        ("models", 5, "must be a list of names, not 5"),
        ("models", {"a": 1}, "must be a list of names"),
        ("models", [str(number) for number in range(257)], "has 257 names, the limit is 256"),
        ("custom", [1], "must be an object, not [1]"),
        ("custom", {"a": None}, "must be text, not None"),
        ("custom", {"a": {"\n": 1}}, "has control characters"),
        ("custom", {"a" * 200: {"b" * 200: 1}}, "must have 1 to 256 characters"),
        ("custom", {"a.b": 1, "a": {"b": 1}}, "is given twice"),
        ("custom", {str(number): 1 for number in range(257)}, "has 257 values, the limit is 256"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_its_field(field: str, value: Any, problem: str) -> None:
    error = refusal({field: value})
    assert error.field.startswith(f"requirements.{field}")
    assert problem in error.problem


def test_a_value_in_a_list_or_a_tree_is_named_by_its_place() -> None:
    assert refusal({"models": ["a", 5]}).field == "requirements.models[1]"
    assert refusal({"custom": {"a": {"b": ["x", {}]}}}).field == "requirements.custom.a.b"


def test_a_tree_is_not_endless() -> None:
    tree: dict[str, Any] = {"leaf": 1}
    for _ in range(9):
        tree = {"a": tree}
    assert "deeper than 8 levels" in refusal({"custom": tree}).problem


@pytest.mark.parametrize(("field", "hint"), [("gpu_memroy_gb", "; did you mean gpu_memory_gb?"), ("zzz", "")])
def test_an_unknown_field_is_refused_with_what_was_meant(field: str, hint: str) -> None:
    error = refusal({field: 1})
    assert (error.field, error.problem) == (f"requirements.{field}", f"is not a known field{hint}")
    with pytest.raises(InvalidInput, match=r"capabilities\.gpu_modle: is not a known field; did you mean gpu_model\?"):
        Capabilities.parse({"gpu_modle": "x"})


def test_what_no_worker_could_satisfy_is_refused() -> None:
    error = refusal({"custom": {"a": 5}, "exclude": {"a": 3}})
    assert error.field == "requirements.exclude.a"
    assert refusal({"isolation": "strict"}).field == "requirements.isolation"


@given(some.wild_asked_sources)
def test_requirements_are_read_or_refused_by_field(source: dict[str, Any]) -> None:
    try:
        Requirements.parse(source)
    except InvalidInput as error:
        assert error.field.startswith("requirements.")  # noqa: PT017 - most sources are fine


@given(some.wild_offered_sources)
def test_capabilities_are_read_or_refused_by_field(source: dict[str, Any]) -> None:
    try:
        Capabilities.parse(source)
    except InvalidInput as error:
        assert error.field.startswith("capabilities.")  # noqa: PT017 - most sources are fine


def test_one_value_has_one_form() -> None:
    same: list[list[dict[str, Any]]] = [
        [{"gpu_memory_gb": 16}, {"gpu_memory_gb": 16.0}, {"gpu_memory_gb": "16"}, {"gpu_memory_gb": " 16.0 "}],
        [{"models": "a"}, {"models": ["a"]}, {"models": ["a", "a"]}],
        [{"gpu_model": " RTX 4090 "}, {"gpu_model": "rtx 4090"}],
        [{}, {"models": []}, {"job_type": None}, {"isolation": "loose"}, {"isolation": "none"}, {"custom": {}}],
        [{"custom": {"a": {"b": 1}}}, {"custom": {"a.b": 1.0}}],
        [{"custom": {"a": [True, 1, 1.0, "x"]}}, {"custom": {"a": ["x", 1, True]}}],
    ]
    for sources in same:
        assert len({Requirements.parse(source).class_id for source in sources}) == 1
    assert len({Requirements.parse(sources[0]).class_id for sources in same}) == len(same)


def test_an_empty_limit_of_a_worker_is_not_the_same_as_none() -> None:
    nothing, anything = Capabilities.parse({"components": []}), Capabilities.parse({})
    assert nothing.profile_id != anything.profile_id


@given(st.lists(some.scalars), st.lists(some.scalars))
def test_true_is_not_one_in_a_set_of_scalars(one: list[values.Scalar], other: list[values.Scalar]) -> None:
    def typed(scalars: list[values.Scalar]) -> set[tuple[str, Any]]:
        return {values.typed(scalar) for scalar in scalars}

    assert (values.as_set(one) == values.as_set(other) and typed(one) == typed(other)) == (typed(one) == typed(other))
    assert values.as_set(values.as_set(one)) == values.as_set(one)


def test_long_values_are_shown_short() -> None:
    assert len(refusal({"gpu_memory_gb": "x" * 1000}).problem) < 100
