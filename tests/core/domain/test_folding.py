"""What is alike is one row, and nothing is lost by it."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.folding import fold_classes, fold_names
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import WaitingClass


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["gpu1:0"], "gpu1:0"),
        (["gpu3:0", "gpu1:0", "gpu2:0", "gpu7:0"], "gpu[1-3,7]:0"),
        ([f"gpu{n}:{i}" for n in range(1, 151) for i in range(8)], "gpu[1-150]:[0-7]"),
        (["gpu1:0", "gpu1:1", "gpu2:0"], "gpu1:[0-1], gpu2:0"),
        (["node08", "node09", "node10"], "node[08-10]"),
        (["n9", "n10", "n011"], "n[9-10,011]"),
        (["a1-b7", "a1-b8", "a2-b7"], "a1-b[7-8], a2-b7"),
        (["render", "render:0", "render:1", "gpu"], "render, render:[0-1], gpu"),
        (["gpu1", "gpu1:0"], "gpu1, gpu1:0"),
        (["7", "8"], "[7-8]"),
        ([], ""),
    ],
)
def test_names_that_differ_in_a_number_are_one(names: list[str], folded: str) -> None:
    assert fold_names(names) == folded


def unfolded(text: str) -> set[str]:
    """The names again."""
    names: set[str] = set()
    for part in text.split(", ") if text else ():
        choices = [
            _numbers(piece[1:-1]) if piece[0] == "[" else [piece] for piece in re.findall(r"\[.*?\]|[^\[]+", part)
        ]
        names |= {"".join(choice) for choice in itertools.product(*choices)}
    return names


def _numbers(spans: str) -> list[str]:
    found = []
    for span in spans.split(","):
        first, _, last = span.partition("-")
        found += [f"{n:0{len(first)}}" for n in range(int(first), int(last or first) + 1)]
    return found


NAMES = st.from_regex(r"[a-c]{0,2}[0-9]{0,3}[a-c]?(:[0-9]{1,2})?", fullmatch=True).filter(bool)


@given(st.lists(NAMES, unique=True))
def test_no_name_is_lost_or_added(names: list[str]) -> None:
    assert unfolded(fold_names(names)) == set(names)


def test_classes_that_differ_only_in_their_customer_are_one_kind() -> None:
    def waiting(name: str, jobs: int, **asked: object) -> WaitingClass:
        return WaitingClass(class_id=name, requirements=Requirements.parse({"services": ["a"], **asked}), jobs=jobs)

    classes = [
        waiting("1", 3, customer_id="acme"),
        waiting("2", 4, gpu_memory_gb=24),
        waiting("3", 5, customer_id="zoo"),
        waiting("4", 6),
    ]
    first, second = fold_classes((each, "") for each in classes)
    assert (first.jobs, first.customers, [each.class_id for each in first.classes]) == (
        14,
        ["acme", "zoo"],
        ["1", "3", "4"],
    )
    assert (second.jobs, second.customers) == (4, [])
    assert len(fold_classes([(classes[0], "x"), (classes[2], "y")])) == 2
