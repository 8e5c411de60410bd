"""Where a job stands in a list: pages of jobs go on from there."""

import re
from dataclasses import dataclass
from typing import Self, TypeAlias

from emp_core.domain.values import shown
from emp_core.errors import InvalidInput
from emp_core.ids import ID_PATTERN

Spot: TypeAlias = tuple[int, str]
"""A job's score in a list, and its id. Lists are sorted by both."""

_PATTERN = re.compile(rf"([a-z]{{1,16}})-([0-9]{{1,16}})-({ID_PATTERN.pattern})")


@dataclass(frozen=True, slots=True)
class Place:
    """A spot, and which list it is in."""

    walk: str
    """`submitted`, or one of the lists of the queue's order."""

    spot: Spot

    def __str__(self) -> str:
        """As callers give it back."""
        score, job_id = self.spot
        return f"{self.walk}-{score}-{job_id}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `InvalidInput`."""
        found = _PATTERN.fullmatch(text)
        if not found:
            raise InvalidInput("cursor", f"{shown(text)} is not one that a list of jobs returned")
        return cls(found[1], (int(found[2]), found[3]))
