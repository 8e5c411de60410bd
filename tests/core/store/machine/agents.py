"""Workers as agents are, without the safety net: they claim when they start, when they are woken, and after a job."""

from emp_core.domain.capabilities import Capabilities
from emp_core.store import Claimed
from tests.core.store.machine.people import People
from tests.core.store.machine.queue import Queue
from tests.core.store.machine.records import LEASE_MS, Job, Key, Worker
from tests.core.store.machine.workers import Call

SLOTS = 2


class Agents(People):
    """People who keep a fleet."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue)
        self.runs: dict[str, list[Key]] = {}
        """What each live process believes to run."""

        self.reserved: dict[str, str] = {}
        """Worker -> the workflow that it is for."""

        self.of_one_customer: set[str] = set()
        """Workers that run the jobs of one customer at a time."""

        queue.beating = lambda: [name for name in self.runs if self.model.workers[name].alive]

    def start(self, name: str, profile: Capabilities, kind: str) -> None:
        """A process begins: where there was one, it is gone for sure."""
        self.runs.pop(name, None)
        self.reserved.pop(name, None)
        self.of_one_customer.discard(name)
        if kind == "reserved":
            self.reserved[name] = "wf"
        elif kind == "one customer":
            self.of_one_customer.add(name)
        self.register(name, profile, anew=True)
        self.runs[name] = []
        self.agent_turn(name)

    def die(self, which: int) -> None:
        """Its wake-ups lie unread until the queue finds out."""
        if self.runs:
            del self.runs[self.agent(which)]

    def agent(self, which: int) -> str:
        names = list(self.runs)
        return names[which % len(names)]

    def agent_turn(self, name: str, *settled: tuple[Key, str], token: str = "") -> None:
        self.runs[name] = [key for key in self.runs[name] if key not in {key for key, _ in settled}]
        worker = self.model.workers[name]
        nonces = self.nonces(SLOTS - len(self.runs[name]))
        workflow, customers = self.wish(name)
        self.take_turn(Call(name, worker.boot, nonces, settled, workflow, customers, token))

    def wish(self, name: str) -> tuple[str, tuple[str, ...]]:
        running = {self.customer_of(key) for key in self.runs[name]} - {None}
        customers = tuple(sorted(map(str, running))) if name in self.of_one_customer else ()
        return self.reserved.get(name, ""), customers

    def customer_of(self, key: Key) -> str | None:
        return self.customers.get(key.job)

    def take(self, worker: Worker, claimed: Claimed) -> None:
        super().take(worker, claimed)
        self.runs[worker.id].append(self.queue.issued[-1])

    @property
    def customers(self) -> dict[str, str]:
        return {job.id: job.customer for job in self.model.jobs.values() if job.customer}

    def end(self, which: int, number: int, verb: str) -> None:
        """A run ends, in whatever way; its slot claims again."""
        busy = [name for name, keys in self.runs.items() if keys and self.model.workers[name].alive]
        if busy:
            name = busy[which % len(busy)]
            self.agent_turn(name, (self.runs[name][number % len(self.runs[name])], verb))

    # -- wake-ups

    def deliver(self, which: int) -> None:
        """One agent reads what it was told."""
        if self.runs:
            self.read_tokens(self.agent(which))

    def read_tokens(self, name: str) -> bool:
        worker, link = self.model.workers[name], self.queue.store.link
        found = self.queue.run(link.call("LPOP", link.key(f"wake:{worker.boot}"), 1000)) or []
        for token in found:
            self.queue.counts["tokens"] += 1
            kind, subject, whose = token.decode().split(" ")
            assert whose == name
            self.on_token(name, kind, subject)
        return bool(found)

    def on_token(self, name: str, kind: str, subject: str) -> None:
        worker = self.model.workers[name]
        if not worker.alive:
            return
        if kind == "cancel":
            self.agent_turn(name, *((key, "cancelled") for key in self.runs[name] if key.job == subject))
        else:
            self.agent_turn(name, token=subject if kind == "claim" else "")

    def settle_down(self) -> None:
        """Every wake-up is read, and then no job waits while a slot is free that could take it."""
        if any(worker.alive and name not in self.runs for name, worker in self.model.workers.items()):
            self.time_goes_by(LEASE_MS)
        while any(self.read_tokens(name) for name in list(self.runs)):
            pass
        for name, keys in self.runs.items():
            worker = self.model.workers[name]
            if worker.alive and worker.state == "ready" and len(keys) < SLOTS:
                left = self.model.best(worker, *self.wish(name))
                assert not left, f"{name} is free and nobody woke it for {left}"
        self.queue.counts["checked"] += 1

    # -- what happens to workers

    def steer(self, which: int, state: str) -> None:
        if state == "stopped":
            self.stop(which)
        else:
            super().steer(which, state)

    def stop(self, which: int) -> None:
        """It gives its jobs back and exits."""
        if not self.runs:
            return
        name = self.agent(which)
        if self.model.workers[name].alive and self.runs[name]:
            self.give_back(name)
        super().steer(list(self.model.workers).index(name), "stopped")
        self.runs.pop(name, None)

    def give_back(self, name: str) -> None:
        worker = self.model.workers[name]
        settled = tuple((key, "release") for key in self.runs[name])
        self.runs[name] = []
        self.take_turn(Call(name, worker.boot, (), settled))

    def time_goes_by(self, ms: int) -> None:
        """Those that live beat; a beat tells them what they lost."""
        self.queue.begin()
        self.queue.pass_time(ms, self.queue.beating())
        self.queue.reap()
        for name in list(self.runs):
            self.beat_once(name)

    def beat_once(self, name: str) -> None:
        """What is not its own any more it drops, and its slot claims again."""
        worker = self.model.workers[name]
        if not worker.alive:
            return
        self.queue.begin()
        self.say_beat(worker, self.runs[name])
        lost = [key for key in self.runs[name] if not self.mine(key)]
        if lost:
            self.agent_turn(name, *((key, "cancelled") for key in lost))

    def mine(self, key: Key) -> Job | None:
        job = self.model.holds(key)
        return job if job is not None and job.state == "active" else None
