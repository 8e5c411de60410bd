"""Requests that ask the same share their requirements; what only looks the same does not."""

from typing import Any

import pytest

from emp_core.domain.job import JobRequest
from emp_core.errors import InvalidInput


def asked(**requirements: Any) -> JobRequest:
    return JobRequest.parse({"service": "x", "requirements": requirements})


def test_requests_that_ask_the_same_share_one_object() -> None:
    assert asked(models=["a", "b"]).requirements is asked(models=["a", "b"]).requirements


def test_true_is_not_1() -> None:
    assert asked(custom={"fast": 1}).requirements.custom["fast"] is not True
    assert asked(custom={"fast": True}).requirements.custom["fast"] is True


def test_number_that_is_none_is_refused_where_null_is_not() -> None:
    assert asked(ram_gb=None).requirements.ram_gb is None
    with pytest.raises(InvalidInput):
        asked(ram_gb=float("nan"))


def test_same_requirements_of_another_service_are_others() -> None:
    other = JobRequest.parse({"service": "y", "requirements": {"ram_gb": 1}})
    assert (asked(ram_gb=1).requirements.services, other.requirements.services) == (("x",), ("y",))


def test_value_that_is_no_json_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidInput, match=r"requirements\.models"):
        asked(models=object())


def test_mistake_is_told_each_time() -> None:
    for _ in range(2):
        with pytest.raises(InvalidInput, match="gpu_count"):
            asked(gpu_count="many")
