"""The queue as dictionaries: what the functions should do, said once more without Redis.

Times are ms of Redis's clock. The model predicts them from the time just before a call; the machine holds them against
what Redis has within a tolerance, and goes on with Redis's.
"""

from collections.abc import Callable, Iterator

from emp_core.domain.ordering import parts, score
from emp_core.domain.policy import POLICY
from tests.core.store.machine.records import ENDED, RUNNING, WAITING, Job, Key, Worker
from tests.core.store.machine.running import Running


class Model(Running):
    """Every method is one call; it returns the answer that Redis should give."""

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
        job.avoid, job.lacking, job.score, job.ttl_at = (), False, place, self.now + job.ttl
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

    def requeue(self, job: Job) -> str:
        """T15."""
        if job.state != "active":
            return job.state
        self.leave(job, "requeued")
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
            worker.failures, worker.refusals = before.failures, before.refusals
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
        yield "avoided.until", self._end_avoiding

    def _overdue(self, job: Job) -> None:
        if job.ends <= self.now:
            self.fail(job, "timeout", by_holder=False)
        elif job.stalls is not None and job.stalls <= self.now:
            self.fail(job, "stalled", by_holder=False)
        else:
            job.times["timeouts"] = min(job.ends, job.stalls or job.ends)

    def _end_avoiding(self, job: Job) -> None:
        if job.lacking and self.another_fits(job):
            job.times["avoided.until"] = self.now + POLICY.avoid_ms
        else:
            del job.times["avoided.until"]

    def _fall_due(self, job: Job) -> None:
        del job.times["delayed"]
        self.to_pending(job)
