"""Workers: what they say, once or again, in time or late, and what they make up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.store import Claimed, Report, Settlement, Turn, Wish
from emp_core.store.broker import Verb
from tests.core.store.machine.queue import Queue
from tests.core.store.machine.records import LEASE_MS, Key, Worker

PROFILES = tuple(
    Capabilities.parse(source)
    for source in (
        {"services": ["comfyui"], "gpu_memory_gb": 24},
        {"services": ["comfyui"], "gpu_memory_gb": 8},
        {"services": ["a1111", "comfyui"], "gpu_memory_gb": 24, "rate_per_hour": 2},
        {"services": ["comfyui"], "gpu_memory_gb": 80, "isolation": "strict", "allowed_customers": ["acme"]},
    )
)
WORKERS = ("w1", "w2", "w3")
VERBS = {
    "complete": (Verb.COMPLETE, b"{}"),
    "fail": (Verb.FAIL, b"error job\n{}"),
    "give up": (Verb.FAIL, b"permanent job\n{}"),
    "release": (Verb.RELEASE, b"drain"),
    "mismatch": (Verb.MISMATCH, b"lacks the model x"),
    "cancelled": (Verb.CANCELLED, b""),
}

some = st.integers(0, 255)
verbs = st.sampled_from(
    ["complete", "complete", "fail", "fail", "give up", "release", "mismatch", "mismatch", "cancelled"]
)
forgeries = st.sampled_from([""] * 6 + ["nonce", "attempt", "worker"])
steered = st.sampled_from(["ready", "ready", "paused", "draining", "fenced", "stopped"])
stalls = st.sampled_from([0, 0, 100_000, 200_000])
wild_turns = st.fixed_dictionaries(
    {
        "which": some,
        "boot": st.integers(0, 9),
        "slots": st.integers(0, 3),
        "settled": st.lists(st.tuples(some, verbs, forgeries), max_size=3),
        "workflow": st.sampled_from(["", "wf"]),
        "customers": st.sampled_from([(), ("acme",), ("acme", "b")]),
    }
)


@dataclass(frozen=True)
class Call:
    """A turn, kept so that it can be said again."""

    worker: str
    boot: str
    nonces: tuple[str, ...]
    settled: tuple[tuple[Key, str], ...] = ()
    workflow: str = ""
    customers: tuple[str, ...] = ()
    token: str = ""


class Workers:
    """What workers do; each act is one call to Redis and one to the model."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.model = queue.model
        self.last_call: Call | None = None

    def worker(self, which: int) -> Worker:
        workers = list(self.model.workers.values())
        return workers[which % len(workers)]

    def key(self, which: int, forgery: str = "") -> Key:
        """A claim of any age, or one that was never issued."""
        key = self.queue.issued[-1 - which % len(self.queue.issued)]
        if forgery == "nonce":
            return key._replace(nonce="forged")
        if forgery == "attempt":
            return key._replace(attempt=key.attempt + 1)
        return key._replace(worker=self.worker(which).id) if forgery == "worker" else key

    # -- workers

    def register(self, name: str, profile: Capabilities, anew: bool) -> None:
        self.queue.begin()
        before = self.model.workers.get(name)
        boot = self.queue.name("boot") if anew or before is None else before.boot
        worker = Worker(name, profile, boot, self.model.now + LEASE_MS)
        life, run, store = self.queue.life(worker), self.queue.run, self.queue.store
        dead = "" if before is None else before.boot
        answer = run(store.registry.register(life, profile, machine="m", waiter=boot, slots=3, dead_boot=dead))
        run(store.registry.judge(life, profile, answer.profile_number))
        self.model.register(worker)
        assert answer.state == worker.state

    def another_process_with_its_id_is_refused(self, which: int) -> None:
        self.queue.begin()
        worker = self.worker(which)
        if not worker.alive:
            return
        life = self.queue.life(worker, boot="another")
        call = self.queue.store.registry.register(life, worker.capabilities, machine="m2", waiter="x", slots=1)
        assert self.refused(lambda: self.queue.run(call)) == "worker_id_in_use"

    def steer(self, which: int, state: str) -> None:
        self.queue.begin()
        worker = self.worker(which)
        if state == "draining" and not worker.alive:
            return
        before = self.queue.run(self.queue.store.registry.steer(worker.id, WorkerState(state)))
        assert before == worker.state
        if state != "stopped":
            worker.state = state
            if state == "ready":
                worker.failures = worker.refusals = ()
        elif worker.alive:
            self.model.retire(worker)

    # -- what a worker says

    def claim(self, which: int, slots: int) -> None:
        worker = self.worker(which)
        self.take_turn(Call(worker.id, worker.boot, self.nonces(slots)))

    def settle_and_claim(self, which: int, number: int, verb: str, slots: int) -> None:
        worker = self.worker(which)
        held = [job.claim for job in self.model.running_on(worker.id) if job.claim]
        settled = ((held[number % len(held)], verb),) if held else ()
        self.take_turn(Call(worker.id, worker.boot, self.nonces(slots), settled))

    def anything(self, turn: dict[str, Any]) -> None:
        """Reports of any age, forged ones, those of another life; only some jobs wanted."""
        worker = self.worker(turn["which"])
        boot = "old" if turn["boot"] == 0 else worker.boot
        settled = tuple((self.key(number, forgery), verb) for number, verb, forgery in turn["settled"])
        self.take_turn(Call(worker.id, boot, self.nonces(turn["slots"]), settled, turn["workflow"], turn["customers"]))

    def nonces(self, count: int) -> tuple[str, ...]:
        return tuple(self.queue.name("n") for _ in range(count))

    def the_answer_was_lost_and_the_turn_is_said_again(self) -> None:
        assert self.last_call is not None
        self.take_turn(self.last_call)

    def take_turn(self, call: Call) -> None:
        self.queue.begin()
        self.last_call = call
        worker = self.model.workers[call.worker]
        settlements = [
            Settlement(VERBS[verb][0], key.job, key.attempt, key.nonce, VERBS[verb][1]) for key, verb in call.settled
        ]
        wish = Wish(nonces=call.nonces, token=call.token, workflow=call.workflow, customers=call.customers)
        life = self.queue.life(worker, boot=call.boot)
        turn = self.queue.store.broker.turn(life, worker.capabilities, wish, settlements)
        if not worker.alive or call.boot != worker.boot:
            assert self.refused(lambda: self.queue.run(turn)) == "register"
            return
        told = self.queue.run(turn)
        said = tuple(self.model.settle(key._replace(worker=worker.id), verb) for key, verb in call.settled)
        assert told.answers == said, call.settled
        assert told.state == worker.state
        self.queue.counts["settled"] += len(said)
        self.check_claims(call, worker, told)

    def check_claims(self, call: Call, worker: Worker, told: Turn) -> None:
        """For each nonce the best job that there is, or the one that it already has."""
        given = {claimed.nonce: claimed for claimed in told.claimed}
        held = {job.claim.nonce: job for job in self.model.running_on(worker.id) if job.claim}
        for nonce in call.nonces:
            claimed = given.pop(nonce, None)
            if nonce in held:
                assert claimed is not None
                assert (claimed.job_id, claimed.repeated) == (held[nonce].id, True)
                continue
            best = self.model.best(worker, call.workflow, call.customers) if worker.state == "ready" else set()
            self.queue.counts["picks"] += 1
            assert (claimed.job_id in best) if claimed else not best, f"wrong pick: {claimed}, not one of {best}"
            if claimed:
                self.take(worker, claimed)
        assert not given

    def take(self, worker: Worker, claimed: Claimed) -> None:
        job = self.model.jobs[claimed.job_id]
        key = Key(worker.id, job.id, job.attempt + 1, claimed.nonce)
        assert (claimed.attempt, claimed.repeated) == (key.attempt, False)
        self.model.take(job, key)
        self.queue.issued.append(key)
        self.queue.counts["claims"] += 1

    def beat(self, which: int, held: list[tuple[int, str]]) -> None:
        self.queue.begin()
        keys = [self.key(number, forgery) for number, forgery in held if self.queue.issued]
        self.say_beat(self.worker(which), keys)

    def beat_for_all_that_it_runs(self, which: int) -> None:
        self.queue.begin()
        worker = self.worker(which)
        self.say_beat(worker, [job.claim for job in self.model.running_on(worker.id) if job.claim])

    def say_beat(self, worker: Worker, keys: list[Key]) -> None:
        claims = [Settlement(Verb.COMPLETE, key.job, key.attempt, key.nonce) for key in keys]
        claims = list({claim.nonce: claim for claim in claims}.values())
        call = self.queue.store.broker.beat(self.queue.life(worker), "", claims)
        if not worker.alive:
            assert self.refused(lambda: self.queue.run(call)) == "register"
            return
        state, answers = self.queue.run(call)
        assert state == worker.state
        for claim in claims:
            key = Key(worker.id, claim.job_id, claim.attempt, claim.nonce)
            assert answers[claim.nonce] == self.model.beat(key), claim
        worker.until = self.model.now + LEASE_MS

    def report(self, number: int, forgery: str, stall: int) -> None:
        self.queue.begin()
        key = self.key(number, forgery)
        report = Report(job_id=key.job, attempt=key.attempt, nonce=key.nonce, percent=50, stall_ms=stall, lines=("x",))
        (answer,) = self.queue.run(self.queue.store.broker.report(key.worker, [report]))
        assert answer == self.model.report(key, stall)

    def unclaim(self, number: int, forgery: str) -> None:
        self.queue.begin()
        key = self.key(number, forgery)
        claim = Claimed(
            job_id=key.job, attempt=key.attempt, nonce=key.nonce, class_id="", time_left_ms=0, gen=0, on_lost="",
            customer_id=None, body=None, repeated=False,
        )  # fmt: skip
        assert self.queue.run(self.queue.store.broker.unclaim(key.worker, claim)) == self.model.unclaim(key)

    def refused(self, call: Callable[[], object]) -> str:
        try:
            call()
        except Refused as refusal:
            return refusal.reason
        return ""
