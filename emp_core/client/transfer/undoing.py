"""Undoes a move that was interrupted: the source gets its jobs back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emp_core.client.queue import Queue
from emp_core.client.transfer.groups import Groups, KeepBack
from emp_core.client.transfer.taking import Take
from emp_core.errors import Conflict, EmpError


@dataclass(slots=True, kw_only=True)
class Undo:
    """An undo and what came of it so far. Each step can be repeated."""

    source: Queue
    to: str
    """The target's id."""

    command: str
    refuse: Callable[[str, EmpError], None]
    """Is told of each job that stays kept back."""

    move: Take | None = None
    """Between the same queues; None: the target does not answer, so only the source is changed."""

    reason: str = ""
    given_back: set[str] = field(default_factory=set[str])
    refused: int = 0
    _arrived: set[str] = field(default_factory=set[str])
    _begun: set[str] = field(default_factory=set[str])
    """Jobs of groups that the source has begun to forget: only the target has the whole group."""

    async def run(self) -> None:
        """Give the jobs back, but finish the move of groups that the source has begun to forget.

        Raises `Conflict` if another command takes over.
        """
        if self.move:
            await self.move.take_over()
            await self._look_at_target(self.move)
        else:
            await self.source.begin_move(self.to, self.command)
        async for marks in self.source.moving():
            names = [name for name, mark in marks.items() if mark == f"to {self.to}"]
            await self._undo([name for name in names if name not in self.given_back])
        if self.move:
            await self.move.clear_target()

    async def _look_at_target(self, move: Take) -> None:
        async for arrived in move.arrived():
            self._arrived.update(arrived)
            known = await self.source.known(arrived)
            for name in arrived:
                if name not in known:
                    async for children in move.target.children(name):
                        self._begun.update(children)

    async def _undo(self, job_ids: Sequence[str]) -> None:
        groups = Groups()
        await KeepBack(self.source, self.to, self.reason, groups, self.command).over(job_ids)
        for group in groups.all():
            if self.move and not self._begun.isdisjoint(group.kept):
                await self.move.take(group.kept)
            elif self.move and (doubled := await self.move.target.known(group.kept) - self._arrived):
                self.refused += len(group.kept)
                for name in sorted(doubled):
                    self.refuse(name, Conflict("the new queue has it too", hint="delete it in one of the two queues"))
            else:
                if self.move:
                    await self.move.forget_in_target(group.kept)
                # Children first: a parent that runs must find no child that moves.
                await self.source.release_moved(
                    group.kept[::-1], f"to {self.to}", command=self.command, reason=self.reason
                )
                self.given_back.update(group.kept)
