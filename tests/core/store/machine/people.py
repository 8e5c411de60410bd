"""Everybody else: clients, operators, the janitor, the clock."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from emp_core.domain.job import JobRequest
from emp_core.domain.matching import match
from emp_core.domain.ordering import parts, tick_at
from emp_core.domain.requirements import requirements_of
from emp_core.errors import Conflict, NotFound
from emp_core.store import Submitted, Wish
from tests.core.store.machine.queue import Queue
from tests.core.store.machine.records import ENDED, LEASE_MS, WAITING, Job, Worker
from tests.core.store.machine.workers import Workers, some
from tests.support.builders import seen_by

ASKED: tuple[dict[str, Any], ...] = ({}, {}, {"gpu_memory_gb": 16}, {"gpu_memory_gb": 48}, {"services": ["a1111"]})

customers = st.sampled_from([None, None, "acme", "b"])
cancelling_workers = st.sampled_from(["", "", "", "w1", "w2"])
verbs = st.sampled_from(["retry", "hold", "unhold", "requeue"])
priorities = st.sampled_from([0, 50, 50, 75, 100])
spans = st.sampled_from([7_000, 31_000, 61_000, 120_000, 400_000])
limits = {
    "queue_ttl_seconds": st.sampled_from([200, 800]),
    "timeout_seconds": st.sampled_from([90, 500]),
    "max_failures": st.integers(1, 3),
    "on_lost": st.sampled_from(["requeue", "fail"]),
    "ends_in": st.sampled_from([400_000, 900_000]),
}
places = {
    "parents": st.lists(some, min_size=1, max_size=2),
    "on_dependency_failure": st.sampled_from(["fail", "run"]),
    "workflow_id": st.sampled_from(["wf", "wf2"]),
    "run_in": st.sampled_from([100_000, 300_000]),
    "idempotency_key": st.just("once"),
    "labels": st.sampled_from([{"batch": "1"}, {"batch": "1", "user": "ann"}]),
}
plain = {"asked": st.sampled_from(ASKED), "customer": customers, "priority": priorities}
lines = st.one_of(
    st.fixed_dictionaries(plain),
    st.fixed_dictionaries(plain, optional=limits),
    st.fixed_dictionaries(plain, optional=places),
    st.fixed_dictionaries(plain, optional=limits | places),
)


class People(Workers):
    """What everybody else does."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self.last_tick = 0
        self.workflows: dict[str, tuple[int, int, int]] = {}
        """Priority, tick, next ordinal."""

        self.bodies: list[dict[str, Any]] = []

    def job(self, which: int) -> Job:
        jobs = list(self.model.jobs.values())
        return jobs[-1 - which % len(jobs)]

    # -- submitting

    def submit(self, batch: list[dict[str, Any]]) -> None:
        self.queue.begin()
        bodies: list[dict[str, Any]] = []
        for line in batch:
            bodies.append(self.body(line, bodies))
        requests = [JobRequest.parse(body) for body in bodies]
        answers = self.queue.run(self.queue.store.broker.submit_many(requests))
        for body, request, answer in zip(bodies, requests, answers, strict=True):
            assert isinstance(answer, Submitted)
            assert (answer.id, answer.repeated) == (body["id"], False)
            self.store(request, body)
            assert answer.state in (self.model.jobs[answer.id].state, "blocked", "delayed")

    def body(self, line: dict[str, Any], batch: list[dict[str, Any]]) -> dict[str, Any]:
        own = {name: line[name] for name in line if name not in ("asked", "customer", "parents", "run_in", "ends_in")}
        body = own | {"id": self.queue.name("j"), "requirements": line["asked"]}
        if "services" not in line["asked"]:
            body["service"] = "comfyui"
        if line["customer"]:
            body["customer_id"] = line["customer"]
        known = [job.id for job in self.model.jobs.values() if job.customer == line["customer"]]
        known += [other["id"] for other in batch if other.get("customer_id") == line["customer"]]
        if known and "parents" in line:
            body["depends_on"] = sorted({known[-1 - which % len(known)] for which in line["parents"]})
        if "run_in" in line:
            body["run_at"] = self.model.now + line["run_in"]
        if "ends_in" in line and "depends_on" not in body:
            body["deadline"] = self.model.now + line["ends_in"]
        if "idempotency_key" in body:
            body["idempotency_key"] = body["id"]
        return body

    def store(self, request: JobRequest, body: dict[str, Any]) -> None:
        job = Job(
            id=body["id"],
            requirements=request.requirements,
            score=self.place(body),
            customer=request.customer_id,
            workflow=request.workflow_id,
            max_failures=request.max_failures,
            on_lost=request.on_lost,
            on_dependency=request.on_dependency_failure,
            due=request.run_at,
            deadline=request.deadline,
        )
        if request.timeout_seconds:
            job.timeout = round(request.timeout_seconds * 1000)
        if request.queue_ttl_seconds:
            job.ttl = round(request.queue_ttl_seconds * 1000)
        self.model.add(job, request.depends_on)
        self.bodies.append(body)

    def place(self, body: dict[str, Any]) -> int:
        """The score that Redis gave it, if it is the right one."""
        given = self.score_of(body["id"])
        priority, tick = parts(given)
        workflow = body.get("workflow_id")
        if workflow in self.workflows:
            wanted, first, ordinal = self.workflows[workflow]
            assert (priority, tick) == (wanted, first + ordinal)
            self.workflows[workflow] = wanted, first, ordinal + 1
            return given
        assert priority == body["priority"]
        if "run_at" in body:
            assert tick == tick_at(body["run_at"])
        else:
            self.check_tick(tick)
        if workflow:
            self.workflows[workflow] = priority, tick, 1
        return given

    def check_tick(self, tick: int) -> None:
        """Later than any before, and of the clock."""
        assert tick > self.last_tick
        assert tick >= tick_at(self.model.now)
        self.last_tick = tick

    def score_of(self, job_id: str) -> int:
        return self.queue.run(self.queue.store.inspector.job(job_id)).score

    def submit_again(self, which: int, other: bool, by_key: bool) -> None:
        """The answer was lost; or the name is used for something else."""
        self.queue.begin()
        body = dict(self.bodies[which % len(self.bodies)])
        if body["id"] not in self.model.jobs:
            return
        if by_key and "idempotency_key" in body:
            body["id"] = self.queue.name("j")
        if other:
            body["payload"] = {"another": True}
        (answer,) = self.queue.run(self.queue.store.broker.submit_many([JobRequest.parse(body)]))
        if other:
            assert isinstance(answer, Conflict)
        else:
            assert isinstance(answer, Submitted)
            assert answer.repeated

    def family(self, children: int, run: bool, retried: int) -> None:
        """More children than one call may resolve; their parent is cancelled and retried, and gets another child."""
        line: dict[str, Any] = {"asked": {}, "customer": None, "priority": 50}
        child = line | {"on_dependency_failure": "run" if run else "fail"}
        self.submit([line, *(child | {"parents": [place]} for place in range(children))])
        parent = list(self.model.jobs).index(self.bodies[-1 - children]["id"])
        for _ in range(retried):
            youngest = len(self.model.jobs) - 1 - parent
            self.cancel(youngest, None, "")
            self.act(youngest, "retry")
            known = [job.id for job in self.model.jobs.values() if job.customer is None]
            place = len(known) - 1 - known.index(list(self.model.jobs)[parent])
            self.submit([child | {"parents": [place]}, child | {"parents": [place + 1]}])

    # -- one job

    def cancel(self, which: int, customer: str | None, worker: str) -> None:
        self.queue.begin()
        job = self.job(which)
        store = seen_by(self.queue.store, customer) if customer else self.queue.store
        call = store.broker.cancel(job.id, worker=worker)
        if customer and customer != job.customer:
            assert self.failure(lambda: self.queue.run(call)) == "not found"
            return
        holds = job.claim is not None and job.claim.worker == worker
        assert self.queue.run(call) == (self.model.cancel(job) if holds or not worker else "stale")

    def act(self, which: int, verb: str) -> None:
        self.queue.begin()
        job, broker = self.job(which), self.queue.store.broker
        if verb == "retry":
            refused = self.failure(lambda: self.queue.run(broker.retry(job.id)))
            place = self.score_of(job.id)
            if not refused:
                assert parts(place)[0] == parts(job.score)[0]
                self.check_tick(parts(place)[1])
            answer = self.model.retry(job, place)
        elif verb == "requeue":
            refused = self.failure(lambda: self.queue.run(broker.requeue(job.id)))
            answer = self.model.requeue(job)
        else:
            call = broker.hold if verb == "hold" else broker.unhold
            refused = self.failure(lambda: self.queue.run(call(job.id)))
            answer = self.model.hold(job) if verb == "hold" else self.model.unhold(job)
        answer = "held" if job.held and answer == job.state else answer
        assert refused == ("" if answer in ("ok", "already") else f"it is {answer}")

    def failure(self, call: Callable[[], object]) -> str:
        try:
            call()
        except Conflict as conflict:
            return conflict.message.partition(": ")[2]
        except NotFound:
            return "not found"
        return ""

    def set_priority(self, which: int, priority: int) -> None:
        self.queue.begin()
        job = self.job(which)
        answers = self.queue.run(self.queue.store.broker.set_priority([job.id], priority))
        assert answers == {job.id: self.model.set_priority(job, priority)}

    def set_workflow_priority(self, which: int, priority: int) -> None:
        self.queue.begin()
        name = sorted(self.workflows)[which % len(self.workflows)]
        moved = self.queue.run(self.queue.store.broker.set_workflow_priority(name, priority))
        waiting = [job for job in self.model.jobs.values() if job.workflow == name and job.state in WAITING]
        assert moved == len(waiting)
        for job in waiting:
            self.model.set_priority(job, priority)
        _, tick, ordinal = self.workflows[name]
        self.workflows[name] = priority, tick, ordinal

    # -- limits, functions, retention

    def set_limit(self, which: int, customer: str, maximum: int | None) -> None:
        if not customer and not self.model.jobs:
            return
        self.queue.begin()
        whose = f"customer:{customer}" if customer else f"class:{self.job(which).class_id}"
        self.queue.run(self.queue.store.broker.set_limit(whose, maximum))
        self.model.limits.pop(whose, None)
        if maximum is not None:
            self.model.limits[whose] = maximum

    def the_functions_are_flushed(self) -> None:
        self.queue.run(self.queue.store.link.call("FUNCTION FLUSH"))

    def forget(self, wanted: int) -> None:
        """What the janitor does: ended jobs, empty classes, unused profiles, gone workers."""
        self.queue.begin()
        upkeep, run = self.queue.store.upkeep, self.queue.run
        ended = [job.id for job in self.model.jobs.values() if job.state in ENDED][: wanted % 4]
        open_too = [job.id for job in self.model.jobs.values() if job.state not in ENDED][:1]
        assert run(upkeep.delete(ended + open_too)) == ended
        for job_id in ended:
            del self.model.jobs[job_id]
        self.workflows = {
            name: known
            for name, known in self.workflows.items()
            if any(job.workflow == name for job in self.model.jobs.values())
        }
        run(upkeep.drop_classes(empty_ms=0))
        run(upkeep.close_profiles(unused_ms=0))
        if any(worker.alive for worker in self.model.workers.values()):
            run(upkeep.forget_workers(keep_ms=0))
            self.model.workers = {name: worker for name, worker in self.model.workers.items() if worker.alive}

    def resolve(self, batch: int) -> None:
        """A chore goes on with the children of ended parents."""
        self.queue.begin()
        open_ends = self.queue.run(self.queue.store.upkeep.resolve_children(batch))
        for end in list(self.model.ends):
            self.model.tell_children(end)
        assert open_ends >= len(self.model.ends), "children that were forgotten may be left too"
        self.queue.counts["ends resolved in part"] += open_ends

    def review(self) -> None:
        """Which classes are unworkable."""
        self.queue.begin()
        link, run = self.queue.store.link, self.queue.run
        run(self.queue.store.classes.review())
        marked = {name.decode() for name in run(link.call("SMEMBERS", link.key("classes.unworkable")))}
        for name in run(link.call("ZRANGE", link.key("classes"), 0, -1)):
            asked = requirements_of(run(link.call("HGET", link.key(f"class:{name.decode()}"), "requirements")).decode())
            live = [worker.capabilities for worker in self.model.workers.values() if worker.alive]
            assert (name.decode() in marked) == (not any(match(asked, offered).ok for offered in live))

    # -- time

    def time_passes(self, ms: int, beating: int, via: str, which: int) -> None:
        self.queue.begin()
        live = [worker.id for worker in self.model.workers.values() if worker.alive]
        self.queue.pass_time(ms, [name for number, name in enumerate(live) if beating >> number & 1])
        if via != "reap" and live:
            self.chores_by(self.model.workers[live[which % len(live)]].id, via)
        self.queue.reap()

    def chores_by(self, name: str, via: str) -> None:
        """A fleet without a hub recovers too; who speaks keeps what it has."""
        worker = self.model.workers[name]
        if via == "beat":
            self.say_beat(worker, [job.claim for job in self.model.running_on(name) if job.claim])
            self.model.chores(10)
        else:
            turn = self.take_chores_turn(worker)
            self.model.chores(10)
            assert turn == (worker.state if worker.alive else "lost")

    def take_chores_turn(self, worker: Worker) -> str:
        call = self.queue.store.broker.turn(self.queue.life(worker), worker.capabilities, Wish())
        return self.queue.run(call).state

    def redis_is_unavailable(self, ms: int) -> None:
        """Nobody could renew, so nobody pays for it."""
        self.queue.begin()
        self.queue.pass_time(ms, silent=True)
        self.queue.end_outage(ms)
        self.queue.reap()
        assert all(
            worker.until > self.model.now + LEASE_MS / 2 for worker in self.model.workers.values() if worker.alive
        )
