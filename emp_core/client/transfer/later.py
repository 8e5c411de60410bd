"""Lines of jobs that wait for other jobs: kept on disk, and read with each job after those that it waits for."""

import tempfile
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

from emp_core.client.transfer.record import Numbered, read_line
from emp_core.domain.json_text import load_json
from emp_core.errors import InvalidInput


class _Spot(NamedTuple):
    start: int
    size: int
    number: int


class Later:
    """The lines; only the ids are in memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the `with` block
        self._end = 0
        self._spots: dict[str, _Spot] = {}
        self._waits: dict[str, int] = {}
        """How many jobs of these lines each job waits for."""

        self._children: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, text: bytes, line: Numbered) -> None:
        """Keep a line. Raises `InvalidInput` if an earlier one has its job."""
        name = line.job.id
        if name in self._spots:
            raise InvalidInput("id", f"job {name} is on line {self._spots[name].number} too")
        self._spots[name] = _Spot(self._end, len(text), line.number)
        self._end += self._file.write(text)
        for parent in line.job.waits_for:
            self._children.setdefault(parent, []).append(name)

    def in_order(self) -> Iterator[Numbered]:
        """The jobs in their order, without those of `in_circles`."""
        for parent in [name for name in self._children if name in self._spots]:
            for child in self._children[parent]:
                self._waits[child] = self._waits.get(child, 0) + 1
        ready = deque(name for name in self._spots if name not in self._waits)
        while ready:
            name = ready.popleft()
            for child in self._children.get(name, ()):
                self._waits[child] -= 1
                if not self._waits[child]:
                    ready.append(child)
            yield self._read(name)

    def in_circles(self) -> Iterator[Numbered]:
        """After `in_order`: the jobs that wait for each other in a circle, or for such jobs."""
        return (self._read(name) for name, count in self._waits.items() if count)

    def _read(self, job_id: str) -> Numbered:
        spot = self._spots[job_id]
        self._file.seek(spot.start)
        return Numbered(spot.number, read_line(load_json(self._file.read(spot.size))))
