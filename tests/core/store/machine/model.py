"""The queue as dictionaries: what the scripts should do, said once more without Redis.

Times are ms of Redis's clock. The model predicts them from the time just before a call; the machine holds them against
what Redis has within a tolerance, and goes on with Redis's.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.matching import match
from emp_core.domain.ordering import parts, score
from emp_core.domain.policy import POLICY
from emp_core.domain.requirements import Requirements
from tests.support.builders import LEASE_MS

RUNNING = ("active", "cancelling")
WAITING = ("pending", "delayed", "blocked")
ENDED = ("completed", "failed", "cancelled")


class Key(NamedTuple):
    """A claim as it travels: who says it, and the fence."""

    worker: str
    job: str
    attempt: int
    nonce: str


@dataclass(slots=True)
class Job:
    """A job; `times` are those of the sorted sets, by their names."""

    id: str
    requirements: Requirements
    score: int
    customer: str | None = None
    workflow: str | None = None
    max_failures: int = 3
    on_lost: str = "requeue"
    on_dependency: str = "fail"
    timeout: int = POLICY.attempt_timeout_ms
    ttl: int = POLICY.queue_ttl_ms
    due: int | None = None
    deadline: int | None = None
    state: str = ""
    held: bool = False
    version: int = 0
    gen: int = 0
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    releases: int = 0
    claim: Key | None = None
    fin: Key | None = None
    began: int | None = None
    """The attempt that started it, in this generation."""

    ends: int = 0
    stalls: int | None = None
    ttl_at: int = 0
    ttl_left: int = 0
    avoid: tuple[str, ...] = ()
    waits_for: set[str] = field(default_factory=set)
    outcome: str = ""
    """How its last attempt ended that did not complete."""

    times: dict[str, int] = field(default_factory=dict)

    @property
    def class_id(self) -> str:
        return self.requirements.class_id

    @property
    def avoided(self) -> bool:
        return "avoided.until" in self.times


@dataclass(slots=True)
class Worker:
    """A worker; `until` is when it counts as lost."""

    id: str
    capabilities: Capabilities
    boot: str
    until: int
    state: str = "ready"
    alive: bool = True


class Model:
    """Every method is one call; it returns the answer that Redis should give."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.workers: dict[str, Worker] = {}
        self.limits: dict[str, int] = {}
        self.now = 0

    def move(self, job: Job, state: str) -> None:
        job.state = state
        job.version += 1

    # -- waiting

    def add(self, job: Job, parents: Iterable[str]) -> None:
        """T1, T17."""
        self.jobs[job.id] = job
        job.ttl_at = max(self.now, job.due or 0) + job.ttl
        open_parents = {name for name in parents if self.jobs[name].state not in ENDED}
        broken = any(self.jobs[name].state in ("failed", "cancelled") for name in parents)
        if broken and job.on_dependency == "fail":
            self.finish(job, "failed")
        elif open_parents:
            job.waits_for = open_parents
            self.move(job, "blocked")
        else:
            self._start_waiting(job)

    def _start_waiting(self, job: Job) -> None:
        job.times["expiry"] = min(job.ttl_at, job.deadline or job.ttl_at)
        if job.due is not None and job.due > self.now:
            self.to_delayed(job, job.due)
        else:
            self.to_pending(job)

    def to_pending(self, job: Job) -> None:
        self.move(job, "pending")
        self._list(job)

    def to_delayed(self, job: Job, due: int) -> None:
        job.due = job.times["delayed"] = due
        self.move(job, "delayed")

    def _list(self, job: Job) -> None:
        waiting_so = sum(other.avoided for other in self.jobs.values())
        if job.avoid and waiting_so < POLICY.avoided_cap and self.another_fits(job):
            job.times["avoided.until"] = self.now + POLICY.avoid_ms

    def another_fits(self, job: Job) -> bool:
        """Whether a live worker other than those to be avoided fits."""
        others = (worker for worker in self.workers.values() if worker.alive and worker.id not in job.avoid)
        return any(match(job.requirements, worker.capabilities).ok for worker in others)

    def unlist(self, job: Job) -> None:
        for name in ("avoided.until", "delayed", "expiry"):
            job.times.pop(name, None)

    def finish(self, job: Job, state: str) -> None:
        """The end of a job, and what follows for those that depend on it."""
        self.move(job, state)
        job.held = False
        job.times.clear()
        for child in [other for other in self.jobs.values() if job.id in other.waits_for]:
            child.waits_for.discard(job.id)
            if child.state != "blocked":
                continue
            if state != "completed" and child.on_dependency == "fail":
                self.finish(child, "failed")
            elif not child.waits_for:
                child.ttl_at = max(self.now, child.due or 0) + child.ttl
                self._start_waiting(child)

    # -- running

    def best(self, worker: Worker, workflow: str = "", customers: tuple[str, ...] = ()) -> set[str]:
        """The jobs of which a claim must take one."""
        able = [
            job
            for job in self.jobs.values()
            if job.state == "pending"
            and (not workflow or job.workflow == workflow)
            and (workflow or not customers or job.customer in customers)
            and not (job.avoided and worker.id in job.avoid)
            and match(job.requirements, worker.capabilities).ok
            and not self.over_limit(job)
        ]
        highest = max((job.score for job in able), default=0)
        return {job.id for job in able if job.score == highest}

    def over_limit(self, job: Job) -> bool:
        running = [other for other in self.jobs.values() if other.state in RUNNING]
        of_class = sum(other.class_id == job.class_id for other in running)
        of_customer = sum(other.customer == job.customer for other in running)
        if of_class >= self.limits.get(f"class:{job.class_id}", of_class + 1):
            return True
        return job.customer is not None and of_customer >= self.limits.get(f"customer:{job.customer}", of_customer + 1)

    def take(self, job: Job, key: Key) -> None:
        """T3."""
        self.unlist(job)
        job.attempt, job.claim = job.attempt + 1, key
        job.began = job.began or job.attempt
        job.ends, job.stalls = self.now + job.timeout, None
        job.times |= {"leases": self.now + LEASE_MS, "timeouts": job.ends}
        self.move(job, "active")

    def holds(self, key: Key) -> Job | None:
        job = self.jobs.get(key.job)
        return job if job is not None and job.claim == key else None

    def leave(self, job: Job, outcome: str = "") -> None:
        for name in ("leases", "timeouts"):
            job.times.pop(name, None)
        job.outcome = outcome or job.outcome

    def close(self, job: Job, *, by_holder: bool) -> None:
        job.fin = job.claim if by_holder else job.fin
        job.claim = None

    def shun(self, job: Job) -> None:
        assert job.claim is not None
        others = [name for name in job.avoid if name != job.claim.worker]
        job.avoid = (job.claim.worker, *others)[: POLICY.avoid_workers]

    def settle(self, key: Key, verb: str) -> str:
        """T6, T7, T8, T13: `complete`, `fail`, `give up`, `release`, `cancelled`."""
        job = self.holds(key)
        if job is None:
            known = self.jobs.get(key.job)
            return "already" if known and known.fin and known.fin[2:] == key[2:] else "stale"
        if job.state == "cancelling":
            self.cancelled(job, by_holder=True)
            return "ok" if verb == "cancelled" else "cancel"
        if verb == "complete" and job.state in ("active", "pending"):
            self.leave(job)
            self.unlist(job)
            self.close(job, by_holder=True)
            self.finish(job, "completed")
            return "ok"
        if job.state != "active" or verb == "cancelled":
            return "stale"
        if verb == "release":
            self.release(job)
        else:
            self.fail(job, "error", by_holder=True, for_good=verb == "give up")
        return "ok"

    def cancelled(self, job: Job, *, by_holder: bool) -> None:
        self.leave(job, "cancelled")
        self.close(job, by_holder=by_holder)
        self.finish(job, "cancelled")

    def fail(self, job: Job, outcome: str, *, by_holder: bool, for_good: bool = False) -> None:
        """T7, T10."""
        self.leave(job, outcome)
        self.shun(job)
        self.close(job, by_holder=by_holder)
        job.failures += 1
        if for_good or job.failures >= job.max_failures:
            self.finish(job, "failed")
        else:
            pause = min(POLICY.backoff_cap_ms, POLICY.backoff_base_ms * 2 ** (job.failures - 1))
            self.to_delayed(job, self.now + pause)

    def release(self, job: Job) -> None:
        """T8."""
        self.leave(job, "released")
        self.shun(job)
        self.close(job, by_holder=True)
        job.releases += 1
        if job.on_lost == "fail" or job.releases > POLICY.max_releases:
            self.finish(job, "failed")
        else:
            self.to_pending(job)

    def lose(self, job: Job) -> None:
        """T9: the claim stays open."""
        self.leave(job, "lost")
        self.shun(job)
        job.losses += 1
        if job.on_lost == "fail" or job.losses >= POLICY.max_losses:
            self.close(job, by_holder=False)
            self.finish(job, "failed")
        else:
            self.to_pending(job)

    def beat(self, key: Key) -> str:
        """T4, T4b."""
        job = self.holds(key)
        if job is None:
            known = self.jobs.get(key.job)
            if known is None:
                return "lost:deleted"
            if known.attempt > key.attempt:
                return "lost:superseded"
            return f"lost:{known.outcome}" if known.outcome in ("timeout", "stalled") else "lost:released"
        if job.state in ("cancelling", "cancelled"):
            return "cancel"
        if job.state == "pending":
            self.unlist(job)
            job.losses -= 1
            job.times["timeouts"] = min(job.ends, job.stalls or job.ends)
            self.move(job, "active")
        job.times["leases"] = self.now + LEASE_MS
        return "ok"

    def report(self, key: Key, stall: int) -> str:
        """T5."""
        job = self.holds(key)
        if job is None or job.state != "active":
            return "cancel" if job is not None and job.state == "cancelling" else "stale"
        if stall:
            if job.stalls is None:
                job.times["timeouts"] = min(job.times["timeouts"], self.now + stall)
            job.stalls = self.now + stall
        return "ok"

    # -- what people do

    def cancel(self, job: Job) -> str:
        """T12."""
        if job.state in (*ENDED, "cancelling"):
            return job.state
        if job.state == "active":
            lease = min(job.times["leases"], self.now + POLICY.cancel_grace_ms)
            job.times = {"leases": lease}
            self.move(job, "cancelling")
        else:
            self.finish(job, "cancelled")
        return job.state

    def retry(self, job: Job, place: int) -> str:
        """T14."""
        if job.state not in ("failed", "cancelled"):
            return job.state
        job.gen, job.failures, job.losses, job.releases = job.gen + 1, 0, 0, 0
        job.claim = job.began = job.due = job.deadline = None
        job.avoid, job.score, job.ttl_at = (), place, self.now + job.ttl
        job.times["expiry"] = job.ttl_at
        self.to_pending(job)
        return "ok"

    def hold(self, job: Job) -> str:
        """T19."""
        if job.held or job.state not in ("pending", "delayed"):
            return "already" if job.held else job.state
        self.unlist(job)
        self.close(job, by_holder=False)
        if job.began is None and job.deadline is not None:
            job.times["expiry"] = job.deadline
        job.ttl_left, job.held = max(0, job.ttl_at - self.now), True
        self.move(job, "delayed")
        return "ok"

    def unhold(self, job: Job) -> str:
        """T20."""
        if not job.held:
            return job.state
        self.unlist(job)
        job.held, job.ttl_at = False, self.now + job.ttl_left
        if job.began is None:
            job.times["expiry"] = min(job.ttl_at, job.deadline or job.ttl_at)
        if job.due is not None and job.due > self.now:
            self.to_delayed(job, job.due)
        else:
            self.to_pending(job)
        return "ok"

    def set_priority(self, job: Job, priority: int) -> str:
        """T21: the same time."""
        if job.state not in WAITING:
            return job.state
        job.score = score(priority, parts(job.score)[1])
        self.move(job, job.state)
        return "ok"

    def force_release(self, job: Job) -> str:
        """T15."""
        if job.state != "active":
            return job.state
        self.leave(job, "released")
        self.close(job, by_holder=False)
        if job.on_lost == "fail":
            self.finish(job, "failed")
        else:
            self.to_pending(job)
        return "ok"

    def unclaim(self, key: Key) -> str:
        """T22."""
        job = self.holds(key)
        if job is None or job.state != "active":
            return "stale"
        self.leave(job)
        self.close(job, by_holder=False)
        if job.began == job.attempt:
            job.began = None
            job.times["expiry"] = min(job.ttl_at, job.deadline or job.ttl_at)
        self.to_pending(job)
        return "ok"

    # -- workers and time

    def register(self, worker: Worker) -> None:
        before = self.workers.get(worker.id)
        if before is not None:
            if before.alive and before.boot != worker.boot:
                for job in self.running_on(worker.id):
                    if job.state == "active":
                        self.lose(job)
                    else:
                        self.cancelled(job, by_holder=False)
            drains = before.state == "draining" and before.boot == worker.boot
            worker.state = before.state if before.state in ("paused", "fenced") or drains else "ready"
        self.workers[worker.id] = worker

    def running_on(self, worker: str) -> list[Job]:
        found = (job for job in self.jobs.values() if job.state in RUNNING)
        return [job for job in found if job.claim is not None and job.claim.worker == worker]

    def retire(self, worker: Worker) -> None:
        """It runs no more; who waited for it waits no longer."""
        worker.alive = False
        for job in self.jobs.values():
            if job.avoided and not self.another_fits(job):
                del job.times["avoided.until"]

    def chores(self, batch: int) -> None:
        """What time does, in the order in which it does it."""
        for name, act in self._acts():
            late = [
                (job.times[name], job.id) for job in self.jobs.values() if job.times.get(name, self.now + 1) <= self.now
            ]
            for _, job_id in sorted(late)[:batch]:
                act(self.jobs[job_id])
        lost = [
            (worker.until, name) for name, worker in self.workers.items() if worker.alive and worker.until <= self.now
        ]
        for _, name in sorted(lost)[:batch]:
            self.retire(self.workers[name])

    def _acts(self) -> Iterator[tuple[str, Callable[[Job], None]]]:
        yield "leases", lambda job: self.lose(job) if job.state == "active" else self.cancelled(job, by_holder=False)
        yield "timeouts", self._overdue
        yield "delayed", self._fall_due
        yield "expiry", lambda job: self.finish(job, "failed")
        yield "avoided.until", lambda job: job.times.__delitem__("avoided.until")

    def _overdue(self, job: Job) -> None:
        if job.ends <= self.now:
            self.fail(job, "timeout", by_holder=False)
        elif job.stalls is not None and job.stalls <= self.now:
            self.fail(job, "stalled", by_holder=False)
        else:
            job.times["timeouts"] = min(job.ends, job.stalls or job.ends)

    def _fall_due(self, job: Job) -> None:
        del job.times["delayed"]
        self.to_pending(job)
