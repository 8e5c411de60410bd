"""Keeps jobs back together with all that they wait for, and all that wait for them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from emp_core.client.queue import Queue
from emp_core.store import Stays, WaitingJob


@dataclass(slots=True)
class Group:
    """Jobs that depend on each other."""

    kept: list[str] = field(default_factory=list[str])
    """Those that are kept back, parents before their children."""

    stays: bool = False
    """One of them cannot move now."""

    put_off: int = 0
    """How many wait for such a one."""


class Groups:
    """Jobs, and which of them belong together."""

    def __init__(self) -> None:
        self._leader: dict[str, str] = {}
        self.kept: dict[str, None] = {}
        self.stays: set[str] = set()
        self.put_off: dict[str, tuple[str, ...]] = {}
        """Jobs that cannot be kept back before their parents, with these."""

    @property
    def names(self) -> set[str]:
        """All jobs."""
        return set(self._leader)

    def join(self, name: str, others: Iterable[str] = ()) -> None:
        """Put them in one group."""
        for other in others:
            self._leader[self._find(other)] = self._find(name)
        self._find(name)

    def _find(self, name: str) -> str:
        """The job that stands for the group."""
        self._leader.setdefault(name, name)
        while (leader := self._leader[name]) != name:
            self._leader[name] = self._leader[leader]
            name = leader
        return name

    def all(self) -> list[Group]:
        """The groups."""
        found: dict[str, Group] = {}
        for name in self.kept:
            found.setdefault(self._find(name), Group()).kept.append(name)
        for name in (*self.stays, *self.put_off):
            group = found.setdefault(self._find(name), Group())
            group.stays = True
            group.put_off += name in self.put_off
        return list(found.values())


@dataclass(slots=True)
class KeepBack:
    """One walk from some jobs through their groups. A job is kept back after its parents, so none of these can end."""

    source: Queue
    to: str
    reason: str
    groups: Groups
    command: str
    _looked_at: set[str] = field(default_factory=set[str])
    _asked_again: set[str] = field(default_factory=set[str])

    async def over(self, job_ids: Iterable[str]) -> None:
        """Keep the jobs back."""
        ahead = list(job_ids)
        while ahead:
            self._looked_at.update(ahead)
            found: list[str] = []
            for job_id, answer in (await self._keep_back(ahead)).items():
                found += await self._note(job_id, answer)
            ahead = [name for name in dict.fromkeys(found) if name not in self._looked_at]
            ahead += self._ready(ahead)

    async def _keep_back(self, job_ids: Sequence[str]) -> dict[str, WaitingJob | Stays]:
        return await self.source.keep_back(job_ids, self.to, command=self.command, reason=self.reason)

    async def _note(self, job_id: str, answer: WaitingJob | Stays) -> list[str]:
        """Notes what became of a job; its neighbours."""
        self.groups.put_off.pop(job_id, None)
        neighbours: list[str] = []
        if isinstance(answer, WaitingJob):
            self.groups.kept[job_id] = None
            neighbours = list(answer.waits_for)
            if answer.has_children:
                neighbours += [child async for some in self.source.children(job_id) for child in some]
        elif answer.why == "parents":
            self.groups.put_off[job_id] = answer.parents
            neighbours = list(answer.parents)
        elif answer.why in ("active", "cancelling", "resolving", "moving"):
            self.groups.stays.add(job_id)
        self.groups.join(job_id, neighbours)
        return neighbours

    def _ready(self, ahead: Iterable[str]) -> list[str]:
        """Jobs that were put off and whose parents have been looked at; none whose parent stays. Each once."""
        out = self.groups.stays | self.groups.put_off.keys() | set(ahead)
        ready = [name for name, parents in self.groups.put_off.items() if out.isdisjoint(parents)]
        ready = [name for name in ready if name not in self._asked_again]
        self._asked_again.update(ready)
        return ready
