"""The model of jobs that run: who gets which, and what their holders may say."""

from emp_core.domain.matching import match
from emp_core.domain.policy import POLICY
from tests.core.store.machine.records import LEASE_MS, RUNNING, Job, Key, Worker
from tests.core.store.machine.waiting import Waiting


class Running(Waiting):
    """Claims and what becomes of them."""

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
        if job.lacking:
            return
        others = [name for name in job.avoid if name != job.claim.worker]
        job.avoid = (job.claim.worker, *others)[: POLICY.avoid_workers]

    def settle(self, key: Key, verb: str) -> str:
        """T6, T7, T8, T13: `complete`, `fail`, `give up`, `release`, `mismatch`, `cancelled`."""
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
            self.did_well(key.worker, job)
            return "ok"
        if job.state != "active" or verb == "cancelled":
            return "stale"
        if verb == "release":
            self.release(job)
        elif verb == "mismatch":
            self.mismatch(job, self.workers[key.worker])
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

    def mismatch(self, job: Job, worker: Worker) -> None:
        """T8 while another worker fits that has not refused it, else T7."""
        self.leave(job, "mismatch")
        self.close(job, by_holder=True)
        refusers = job.avoid if job.lacking else ()
        refusers = refusers if worker.id in refusers else (worker.id, *refusers)
        worker.refusals = (*(name for name in worker.refusals if name != job.class_id), job.class_id)
        worker.refusals = worker.refusals[-POLICY.refusals_kept :]
        if len(refusers) > POLICY.mismatch_workers or not self.another_fits(job, refusers):
            job.failures += 1
            self.finish(job, "failed")
            return
        job.releases += 1
        if job.releases > POLICY.max_releases:
            self.finish(job, "failed")
            return
        job.avoid, job.lacking = refusers, True
        if job.began == job.attempt:
            job.began = None
            job.times["expiry"] = min(job.ttl_at, job.deadline or job.ttl_at)
        self.to_pending(job)

    def did_well(self, name: str, job: Job) -> None:
        """What the workers lacked that refused it, they lack indeed."""
        if name in self.workers:
            self.workers[name].failures = self.workers[name].refusals = ()
        for worker in self.workers.values():
            refused = job.lacking and worker.id in job.avoid and worker.id != name and job.class_id in worker.refusals
            if not refused:
                continue
            worker.refusals = tuple(other for other in worker.refusals if other != job.class_id)
            if worker.alive:
                others = (other for other in worker.failures if other != job.class_id)
                worker.failures = (*others, job.class_id)[-3:]
                worker.state = "fenced" if len(worker.failures) == 3 else worker.state

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
