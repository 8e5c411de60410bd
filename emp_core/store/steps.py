"""Reads that take several round trips, written so that others may travel with them.

Each is a generator that yields commands and is given their answers. Several that run abreast share their round trips,
so that together they take no more than the longest of them.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Command: TypeAlias = tuple[Any, ...]

Steps: TypeAlias = Generator[Sequence[Command], list[Any], T]
"""What it yields is one round trip; what it returns is what was read."""


def abreast(*readers: Steps[Any]) -> Steps[list[Any]]:
    """Several reads as one: what each returned, in their order."""
    found: list[Any] = [None] * len(readers)
    waiting: list[tuple[int, Callable[[], Sequence[Command]]]]
    waiting = [(place, partial(next, reader)) for place, reader in enumerate(readers)]
    while waiting:
        asked: list[tuple[int, Sequence[Command]]] = []
        for place, go_on in waiting:
            try:
                asked.append((place, go_on()))
            except StopIteration as end:
                found[place] = end.value
        answers = iter((yield [command for _, commands in asked for command in commands]) if asked else ())
        waiting = [(place, partial(readers[place].send, list(islice(answers, len(some))))) for place, some in asked]
    return found
