"""Reads sorted lists of jobs in Redis, one of them or many as if they were one."""

import heapq
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from emp_core.domain.policy import LOOKED_AT_A_CALL
from emp_core.store.connection import Link
from emp_core.store.search.place import Spot

LISTS_A_CALL = 500

STEP = 200
"""Jobs that are read on in a list that has none left to give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read of lists."""

    states: frozenset[str] = frozenset()
    """Empty: all."""

    lowest: int | None = None
    """A score."""


ALL = Reading()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some jobs of a list."""

    found: Sequence[Spot]
    last: Spot | None
    """Where the list goes on; None if it ended."""


NONE_BEGUN: Mapping[str, Piece] = {}


def first_piece(flat: Sequence[bytes], count: int) -> Piece:
    """The first `count` jobs of a list, from their ids and scores; they are all if there are fewer."""
    found = [_spot(at, name) for name, at in zip(flat[::2], flat[1::2], strict=True)]
    return Piece(found, found[-1] if len(found) == count else None)


@dataclass(frozen=True, slots=True)
class _Head:
    """The next job of a list. On a heap the highest comes first."""

    spot: Spot
    name: str

    def __lt__(self, other: "_Head") -> bool:
        return self.spot > other.spot


class Merge:
    """Sorted lists read as one, from high to low."""

    def __init__(
        self,
        link: Link,
        lists: Mapping[str, float],
        reading: Reading = ALL,
        begun: Mapping[str, Piece] = NONE_BEGUN,
    ) -> None:
        """`lists`: name -> a score that none of its jobs is above. `begun`: what was read of some of them."""
        self._link = link
        self._reading = reading
        self._unread = sorted(lists.keys() - begun.keys(), key=lists.__getitem__)
        self._best = lists
        self._heap: list[_Head] = []
        self._waiting: dict[str, deque[Spot]] = {}
        self._last: dict[str, Spot | None] = {}
        self._step = max(1, min(STEP, 2 * STEP // max(1, len(lists))))
        for name, piece in begun.items():
            self._note(name, piece)

    async def spots(self, after: Spot | None) -> AsyncGenerator[Spot, None]:
        """The jobs behind a spot."""
        while True:
            while self._unread and not (self._heap and self._heap[0].spot[0] > self._best[self._unread[-1]]):
                names = [self._unread.pop() for _ in range(min(LISTS_A_CALL, len(self._unread)))]
                self._last |= dict.fromkeys(names, after)
                await self._read(names, self._step)
            if not self._heap:
                return
            head = heapq.heappop(self._heap)
            yield head.spot
            if waiting := self._waiting[head.name]:
                heapq.heappush(self._heap, _Head(waiting.popleft(), head.name))
            elif head.name in self._last:
                await self._read([head.name], STEP)

    async def _read(self, names: Sequence[str], step: int) -> None:
        """Read on in lists until each has a job to give or ended."""
        while names:
            pieces = await self._pieces(names, step)
            for name, piece in zip(names, pieces, strict=True):
                self._note(name, piece)
            names = [name for name, piece in zip(names, pieces, strict=True) if piece.last and not piece.found]

    def _note(self, name: str, piece: Piece) -> None:
        self._last[name] = piece.last
        if piece.last is None:
            del self._last[name]
        if piece.found:
            self._waiting[name] = deque(piece.found)
            heapq.heappush(self._heap, _Head(self._waiting[name].popleft(), name))

    async def _pieces(self, names: Sequence[str], step: int) -> list[Piece]:
        states, lowest = self._reading.states, self._reading.lowest
        lasts = [self._last[name] for name in names]
        answers = await self._link.run(
            "find_jobs",
            [
                (name, "" if last is None else str(last[0]), last[1] if last else "")
                for name, last in zip(names, lasts, strict=True)
            ],
            states=f" {' '.join(sorted(states))} " if states else "",
            lowest="-inf" if lowest is None else lowest,
            wanted=step,
            budget=LOOKED_AT_A_CALL,
        )
        return [_piece_of(*answer) for answer in answers]


def _piece_of(score: bytes, job_id: bytes, flat: Sequence[bytes]) -> Piece:
    found = [_spot(at, name) for at, name in zip(flat[::2], flat[1::2], strict=True)]
    return Piece(found, None if score == b"end" else _spot(score, job_id))


def _spot(score: bytes, job_id: bytes) -> Spot:
    return int(float(score)), job_id.decode()


def unknown(names: Sequence[str]) -> dict[str, float]:
    """Lists of which it is not known how high they reach."""
    return dict.fromkeys(names, inf)
