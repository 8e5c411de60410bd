"""`emp import --from URL` with `--take` or `--undo`: moves between two live queues."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from emp_cli.context import Session, opened
from emp_cli.exits import ExitCode
from emp_cli.output import terminal
from emp_cli.output.refusals import Refusals
from emp_cli.output.units import count_jobs
from emp_core.errors import Conflict, EmpError, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.redis_queue import RedisQueue
    from emp_core.client.transfer.taking import Take
    from emp_core.client.transfer.undoing import Undo


async def take_jobs(session: Session, source: str, where: str, *, dry_run: bool, reason: str) -> ExitCode:
    """Move waiting jobs from another queue to that of the command."""
    from emp_core.client.transfer.exporting import waiting
    from emp_core.client.transfer.taking import Take
    from emp_core.ids import new_nonce
    from emp_core.urls import masked

    def refuse(job_id: str, error: EmpError) -> None:
        refusals.tell(f"job {job_id} was not moved: {error.message}", error)

    refusals = Refusals()
    session.farewell = "some jobs are moved; run the same command again for the rest"
    async with opened(session, source) as (old, _), opened(session) as (new, location):
        if dry_run:
            found = await old.jobs(waiting(where), limit=1)
            count = "the waiting jobs that match" if found.total is None else count_jobs(found.total)
            terminal.note(f"would move {count}, with the jobs that they wait for and those that wait for them")
            return ExitCode.OK
        move = Take(
            source=old,
            target=new,
            place=masked(location.url),
            command=new_nonce(),
            where=where,
            refuse=refuse,
            reason=reason,
        )
        with terminal.progress((await old.jobs(waiting(where), limit=1)).total or 0) as advance:
            move.advance = advance
            await move.run()
    return _sum_up_move(move, refusals)


def _sum_up_move(move: "Take", refusals: Refusals) -> ExitCode:
    refusals.close("were not moved")
    terminal.note(f"moved {count_jobs(move.moved)}{f'; {move.refused:,} were not moved' if move.refused else ''}")
    if move.staying:
        terminal.note(
            f"{count_jobs(move.staying)} stay for now, as they depend on jobs that run; run the command again later"
        )
    return ExitCode.FAILED if move.refused else ExitCode.OK


async def undo_take(session: Session, source: str, *, yes: bool, reason: str) -> ExitCode:
    """Give another queue back what an interrupted move kept back there."""

    def refuse(job_id: str, error: EmpError) -> None:
        refusals.tell(f"job {job_id} was not given back: {error.message}", error)

    refusals = Refusals()
    undo = await _undo(session, source, refuse, yes=yes, reason=reason)
    refusals.close("were not given back")
    return _sum_up_undo(undo)


async def _undo(
    session: Session, source: str, refuse: Callable[[str, EmpError], None], *, yes: bool, reason: str
) -> "Undo | None":
    """Give the jobs back; None if the person at the terminal says no. Asks if the new queue does not answer."""
    from emp_cli.orders.choice import is_confirmed
    from emp_core.client.transfer.undoing import Undo
    from emp_core.ids import new_nonce

    command = new_nonce()
    async with opened(session, source) as (old, _), _move(session, old, refuse, command, reason) as move:
        to = move.target.id if move else await _only_target(old)
        question = f"give the jobs on their way to queue {to}, which does not answer, back to the old queue?"
        if move is None and not yes and not is_confirmed(question, "add --yes"):
            return None
        undo = Undo(source=old, to=to, command=command, refuse=refuse, move=move, reason=reason)
        await undo.run()
        return undo


def _sum_up_undo(undo: "Undo | None") -> ExitCode:
    if undo is None:
        terminal.note("nothing was changed")
        return ExitCode.FAILED
    words = [f"gave {len(undo.given_back):,} jobs back to the old queue"]
    if undo.move and undo.move.moved:
        words.append(f"finished the move of {undo.move.moved:,}, which the old queue had begun to forget")
    if undo.refused:
        words.append(f"{undo.refused:,} stay kept back")
    terminal.note("; ".join(words))
    return ExitCode.FAILED if undo.refused else ExitCode.OK


@asynccontextmanager
async def _move(
    session: Session, old: "RedisQueue", refuse: Callable[[str, EmpError], None], command: str, reason: str
) -> "AsyncIterator[Take | None]":
    """The move to the queue of the command; None if that does not answer."""
    from emp_cli.surroundings import reach
    from emp_core.client.transfer.taking import Take
    from emp_core.urls import masked

    try:
        new, location = await reach(session.redis, session.context, caller=session.caller)
    except QueueUnavailable as error:
        terminal.warn(f"the new queue does not answer: {error.message}")
        yield None
        return
    try:
        yield Take(source=old, target=new, place=masked(location.url), command=command, refuse=refuse, reason=reason)
    finally:
        await new.close()


async def _only_target(old: "RedisQueue") -> str:
    """The queue that the jobs were on their way to. Raises `Conflict` if there is none, or several."""
    marks = {mark async for some in old.moving() for mark in some.values() if mark.startswith("to ")}
    if not marks:
        raise Conflict("no job of the old queue is on its way to another one")
    if len(marks) > 1:
        queues = ", ".join(sorted(mark.removeprefix("to ") for mark in marks))
        hint = "first undo the moves to those queues that answer: emp --redis URL import --from URL --undo"
        raise Conflict(f"the jobs are on their way to several queues: {queues}", hint=hint)
    return marks.pop().removeprefix("to ")
