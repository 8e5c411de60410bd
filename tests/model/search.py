"""Exhaustive search: two workers, whatever the network and the clock may do to them, and one Redis rollback."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from emp_core.domain.states import RUNNING, TERMINAL, JobState
from tests.model import model
from tests.model.model import (
    ACTIVE,
    BLOCKED,
    CANCELLING,
    COMPLETED,
    DELAYED,
    FAILED,
    PENDING,
    Claim,
    Job,
    Rules,
    Step,
)

UNDONE = 2
"""Writes that a rollback undoes at most."""

VERBS = ("complete", "fail", "give up", "release", "mismatch", "set aside", "stopped")
IN_FLIGHT = ("complete", "fail")
"""What may arrive after its sender's death, and what may be said twice: one for each kind of effect."""

REPEATED = ("complete", "release")


class Worker(NamedTuple):
    """What a worker believes."""

    asking: int | None = None
    """The nonce of a claim call whose answer it did not get."""

    claim: Claim | None = None
    reported: str | None = None
    """What it said of its claim without getting an answer; it will say so again."""


class World(NamedTuple):
    """All there is."""

    job: Job
    workers: tuple[Worker, Worker]
    limit: int
    """Claims, and claim calls, in one history."""

    drawn: int = 0
    """Nonces used up."""

    flight: tuple[str, Claim] | None = None
    """A message whose sender is dead; it may arrive at any time."""

    saved: Job | None = None
    """What Redis would come back with."""

    unsaved: int = 0
    """Writes since."""

    rollback: bool = False
    """One is still to come."""


class Move(NamedTuple):
    """A step of the world, with what an invariant wants to know of it."""

    label: str
    world: World
    step: Step | None = None
    writer: Claim | None = None
    """Under which claim it was written."""

    repeated: bool = False
    """The same report had been made before, without an answer."""


@dataclass
class Found:
    """What a search came to."""

    states: int = 0
    violation: str | None = None
    trace: tuple[str, ...] = ()
    used: set[tuple[str, JobState | None, JobState | None]] = field(default_factory=set)
    """(row, from, to) of every transition seen."""


def moves(rules: Rules, world: World) -> Iterator[Move]:
    """Everything that may happen next."""
    for label, step in _without_workers(rules, world.job):
        yield Move(label, world._replace(job=step.job), step)
    for me in (0, 1):
        yield from _of_worker(rules, world, me)
    if world.flight is not None:
        verb, claim = world.flight
        step = model.settle(rules, world.job, claim, verb)
        yield Move(f"late-{verb}{claim.worker}@{claim.attempt}", world._replace(job=step.job, flight=None), step, claim)
    if world.rollback and world.saved is None:
        yield Move("save", world._replace(saved=world.job))
    elif world.saved is not None:
        yield Move("ROLLBACK", world._replace(job=world.saved, saved=None, unsaved=0, rollback=False))


def _without_workers(rules: Rules, job: Job) -> Iterator[tuple[str, Step]]:
    state = job.state
    if job == Job():
        for first in (PENDING, DELAYED, BLOCKED):
            yield f"submit:{first}", model.submit(job, first)
    elif state in TERMINAL:
        yield "delete", model.delete(job)
        if state is not COMPLETED and job.gen < model.MAX_GEN:
            yield "retry", model.retry(job)
    elif state is ACTIVE:
        yield "expire", model.end_lease(rules, job)
        yield "timeout", model.run_over(rules, job)
        yield "cancel", model.cancel(job)
        yield "requeue", model.requeue(rules, job)
        yield "unclaim", model.unclaim(rules, job)
    elif state is CANCELLING:
        yield "expire", model.end_lease(rules, job)
    elif state is not None:
        yield from _waiting(rules, job)


def _waiting(rules: Rules, job: Job) -> Iterator[tuple[str, Step]]:
    yield "cancel", model.cancel(job)
    yield "priority", model.reprioritise(job)
    if job.state is BLOCKED:
        for state in (PENDING, DELAYED, FAILED):
            yield f"unblock:{state}", model.unblock(job, state)
        return
    if not job.began:
        yield "ttl", model.expire(job)
    if job.held:
        for state in (PENDING, DELAYED):
            yield f"unhold:{state}", model.unhold(job, state)
        return
    yield "hold", model.hold(rules, job)
    if job.state is DELAYED:
        yield "due", model.fall_due(job)


def _of_worker(rules: Rules, world: World, me: int) -> Iterator[Move]:
    worker = world.workers[me]
    if worker.claim is None:
        yield from _claim(world, me)
        return
    claim, again = worker.claim, worker.reported is not None
    step = model.beat(rules, world.job, claim)
    after = worker if step.answer in ("ok", "cancel") else Worker()
    yield Move(f"beat{me}", _with(world, me, after, step.job), step, claim)
    for verb in (worker.reported,) if worker.reported else VERBS:
        step = model.settle(rules, world.job, claim, verb)
        yield Move(f"{verb}{me}:{step.answer}", _with(world, me, Worker(), step.job), step, claim, again)
        if verb in REPEATED and not again:
            after = worker._replace(reported=verb)
            yield Move(f"{verb}{me}/replylost", _with(world, me, after, step.job), step, claim)
    gone = _with(world, me, Worker(), world.job)
    yield Move(f"crash{me}", gone)
    if world.flight is None:
        for verb in IN_FLIGHT:
            yield Move(f"crash{me}+{verb}-in-flight", gone._replace(flight=(verb, claim)))


def _claim(world: World, me: int) -> Iterator[Move]:
    asking = world.workers[me].asking
    if asking is not None:
        yield Move(f"crash{me}", _with(world, me, Worker(), world.job))
    elif world.drawn >= world.limit or me > world.drawn:  # the first to claim is worker 0
        return
    nonce = world.drawn if asking is None else asking
    step = model.claim(world.job, me, nonce)
    if step.job.attempt > world.limit:
        return
    world = world._replace(drawn=max(world.drawn, nonce + 1))
    if step.answer != "none":
        yield Move(f"claim{me}", _with(world, me, Worker(claim=step.job.claim), step.job), step)
        yield Move(f"claim{me}/replylost", _with(world, me, Worker(asking=nonce), step.job), step)
    elif asking is not None:
        yield Move(f"claim{me}:none", _with(world, me, Worker(), step.job), step)


def _with(world: World, me: int, worker: Worker, job: Job) -> World:
    workers = (worker, world.workers[1]) if me == 0 else (world.workers[0], worker)
    return world._replace(job=job, workers=workers)


def _aged(move: Move) -> World:
    """A rollback undoes the last writes only."""
    world = move.world
    if world.saved is None or move.step is None or move.step.row is None:
        return world
    if world.unsaved == UNDONE:
        return world._replace(saved=None, unsaved=0, rollback=False)
    return world._replace(unsaved=world.unsaved + 1)


def lean(world: World) -> World:
    """Without what makes no difference any more."""
    job = _lean_job(world, world.job)
    saved = _lean_job(world, world.saved) if world.saved else None
    return world if job is world.job and saved is world.saved else world._replace(job=job, saved=saved)


def _lean_job(world: World, job: Job) -> Job:
    """Claims that nobody remembers are one; an ended job's counters are none."""
    claim, fin, closer = (_remembered(world, known) for known in (job.claim, job.fin, job.closer))
    if claim is None and job.state in RUNNING:
        claim = Claim(-1, job.attempt, -1)
    if job.state in TERMINAL and (job.failures or job.losses or job.releases or job.owed or job.began):
        job = job._replace(failures=0, losses=0, releases=0, owed=0, began=False)
    if (claim, fin, closer) != (job.claim, job.fin, job.closer):
        job = job._replace(claim=claim, fin=fin, closer=closer)
    return job


def _remembered(world: World, claim: Claim | None) -> Claim | None:
    if claim is None or (world.flight is not None and world.flight[1] == claim):
        return claim
    holder = world.workers[claim.worker]
    return claim if holder.claim == claim or holder.asking == claim.nonce else None


Check = Callable[[Rules, World, Move], str | None]


def search(rules: Rules, check: Check, *, rollback: bool = False, claims: int = 2) -> Found:
    """Every state that can be reached, breadth first: the first violation found is a shortest one."""
    start = World(Job(), (Worker(), Worker()), claims, rollback=rollback)
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    found = Found()
    todo = deque([start])
    while todo and found.violation is None:
        world = todo.popleft()
        for move in moves(rules, world):
            if move.step is not None and move.step.row is not None:
                found.used.add((move.step.row, world.job.state, move.step.job.state))
            found.violation = check(rules, world, move)
            if found.violation:
                found.trace = (*_path(came_from, world), move.label)
                break
            after = lean(_aged(move))
            if after not in came_from:
                came_from[after] = world, move.label
                todo.append(after)
    found.states = len(came_from)
    return found


def _path(came_from: dict[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    labels: list[str] = []
    while (before := came_from[world]) is not None:
        world, label = before
        labels.append(label)
    return tuple(reversed(labels))
