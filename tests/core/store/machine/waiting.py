"""The model of jobs that wait, and of how they end."""

from collections.abc import Callable, Iterable

from emp_core.domain.matching import match
from emp_core.domain.policy import POLICY
from tests.core.store.machine.records import ENDED, Job, Worker


class Waiting:
    """What there is, and its jobs that wait."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.workers: dict[str, Worker] = {}
        self.limits: dict[str, int] = {}
        self.now = 0
        self.ends: dict[str, str] = {}
        """`job/generation` that ended -> state, while children of it are left to a chore."""

        self.left_of: Callable[[str], set[str]] = lambda _: set()
        """The children that Redis left of an end: the model cannot know which."""

    def move(self, job: Job, state: str) -> None:
        job.state = state
        job.version += 1

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

    def another_fits(self, job: Job, avoid: tuple[str, ...] | None = None) -> bool:
        """Whether a live worker other than those to be avoided fits."""
        avoid = job.avoid if avoid is None else avoid
        others = (worker for worker in self.workers.values() if worker.alive and worker.id not in avoid)
        return any(match(job.requirements, worker.capabilities).ok for worker in others)

    def unlist(self, job: Job) -> None:
        for name in ("avoided.until", "delayed", "expiry"):
            job.times.pop(name, None)

    def finish(self, job: Job, state: str) -> None:
        """The end of a job, and what follows for those that depend on it."""
        self.move(job, state)
        job.held = False
        job.times.clear()
        end = f"{job.id}/{job.gen}"
        for child in self.jobs.values():
            if job.id in child.waits_for:
                child.waits_for ^= {job.id, end}
                self.ends[end] = state
        self.tell_children(end)

    def tell_children(self, end: str) -> None:
        """T18, for those children of an end that Redis has told."""
        state = self.ends.get(end)
        if state is None:
            return
        left = self.left_of(end)
        told = [job for job in self.jobs.values() if end in job.waits_for and job.id not in left]
        if not left:
            del self.ends[end]
        for child in told:
            child.waits_for.discard(end)
            if child.state == "blocked":
                self._tell(child, state)

    def _tell(self, child: Job, state: str) -> None:
        if state != "completed" and child.on_dependency == "fail":
            self.finish(child, "failed")
        elif not child.waits_for:
            child.ttl_at = max(self.now, child.due or 0) + child.ttl
            self._start_waiting(child)
