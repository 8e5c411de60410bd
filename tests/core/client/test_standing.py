"""What an explanation says is next, held against what claims really take."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from emp_core.client.situation import explain_job, explain_worker, preview
from emp_core.domain.explain import Explanation
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.policy import POLICY
from emp_core.domain.standing import Tier
from emp_core.domain.states import OPEN
from emp_core.domain.worker import WorkerState
from emp_core.store import Claimed, Store, mismatched
from tests.support.builders import WorkerDriver, make_capabilities, make_request, register, submit
from tests.support.time_travel import end_avoiding, fall_due, reap

CUSTOMERS = ("acme", "bolt", "core")
WORKFLOWS = ("w1", "w2")
SOON = 4_000_000_000_000


async def explained(store: Store, job_id: str) -> Explanation:
    return await explain_job(store, await store.inspector.job(job_id))


@dataclass
class Claimant:
    """A worker that asks for jobs as an agent does."""

    driver: WorkerDriver
    slots: int
    down: str = ""
    workflow: str = ""
    max_customers: int | None = None
    running: list[Claimed] = field(default_factory=list)

    async def claim(self) -> str:
        """The job that its next claim takes; empty if there is none."""
        store, driver = self.driver.store, self.driver
        left = driver.capabilities.without_services(frozenset({self.down}))
        await store.registry.open_profile(left)
        customers = {claim.customer_id for claim in self.running if claim.customer_id}
        full = self.max_customers is not None and len(customers) >= self.max_customers
        only = tuple(sorted(customers)) if full else ()
        offered = replace(driver, life=replace(driver.life, profile=left.profile_id), capabilities=left)
        claimed = await offered.claim(workflow=self.workflow, customers=only)
        if claimed is None:
            return ""
        self.running.append(claimed)
        return claimed.job_id


@dataclass
class Queue:
    """Random jobs and a random fleet; every claim is foretold."""

    store: Store
    dice: random.Random
    fleet: list[Claimant] = field(default_factory=list)
    taken: int = 0
    passed_over: int = 0
    """Claims that did not take the first job of the whole queue."""

    unsure: int = 0

    async def join(
        self, *, slots: int = 1, down: str = "", workflow: str = "", max_customers: int | None = None, **has: Any
    ) -> None:
        services = ("comfyui", "a1111")
        told = " ".join(f"{name}={'down' if name == down else 'up'}" for name in services)
        info = {"workflow": workflow, "max_customers": max_customers}
        name = f"w{len(self.fleet)}"
        offered = make_capabilities(services=services, gpu_memory_gb=self.dice.choice([8, 24]), **has)
        driver = await register(self.store, name, slots=slots, probed=told, info=info, capabilities=offered)
        self.fleet.append(Claimant(driver, slots, down, workflow, max_customers))

    async def submit(self) -> None:
        dice = self.dice
        request: dict[str, Any] = {
            "service": dice.choice(["comfyui", "comfyui", "a1111"]),
            "priority": dice.choice([50, 50, 60, 70]),
            "customer_id": dice.choice([None, *CUSTOMERS]),
            "workflow_id": dice.choice([None, None, *WORKFLOWS]),
            "requirements": {"gpu_memory_gb": dice.choice([4, 4, 16, 80])},
        }
        if request["customer_id"] and dice.random() < 0.2:
            request["requirements"]["isolation"] = "strict"
        if dice.random() < 0.1:
            request["run_at"] = SOON
        told = await preview(self.store, make_request(**request))
        job_id = await submit(self.store, **request)
        found = await explained(self.store, job_id)
        if told.ahead_exact and found.ahead_exact:
            assert (told.tier, told.ahead) == (found.tier, found.ahead)

    async def end(self) -> None:
        busy = [each for each in self.fleet if each.running]
        if not busy:
            return
        claimant = self.dice.choice(busy)
        claim = claimant.running.pop(self.dice.randrange(len(claimant.running)))
        how = self.dice.random()
        if how < 0.4:
            await claimant.driver.complete(claim)
        elif how < 0.8:
            await claimant.driver.release(claim)
        else:
            await claimant.driver.fail(claim)
            if (await self.store.inspector.job(claim.job_id)).due_at is not None:
                await fall_due(self.store, claim.job_id)
                await reap(self.store)

    async def change(self) -> None:
        waiting = [job for job in await self.waiting() if job.worker is None or self.dice.random() < 0.5]
        if not waiting:
            return
        job, act = self.dice.choice(waiting), self.dice.random()
        if act < 0.4:
            await self.store.broker.set_priority([job.id], self.dice.choice([50, 60, 70]))
        elif act < 0.6 and not job.held:
            await self.store.broker.hold(job.id)
        elif act < 0.8 and job.held:
            await self.store.broker.unhold(job.id)
        elif act < 0.9:
            await end_avoiding(self.store, job.id)
            await reap(self.store)
        else:
            await self.store.broker.cancel(job.id)

    async def limit(self) -> None:
        of = self.dice.choice([*(f"customer:{name}" for name in CUSTOMERS), ""])
        jobs = await self.waiting()
        whose = of or (f"class:{self.dice.choice(jobs).class_id}" if jobs else "customer:acme")
        await self.store.broker.set_limit(whose, self.dice.choice([*[None] * 4, 0, 1, 2]))

    async def steer(self) -> None:
        claimant = self.dice.choice(self.fleet)
        state = self.dice.choice([*[WorkerState.READY] * 4, WorkerState.PAUSED, WorkerState.DRAINING])
        await self.store.registry.steer(claimant.driver.id, state)

    async def waiting(self) -> Sequence[Job]:
        page = await self.store.search.page(Filter.of(status=OPEN[2:]), limit=1_000)
        return page.jobs

    async def claim(self) -> None:
        """A job says that this claim takes it if and only if it does; if not all was read, it need not say so."""
        claimant = self.dice.choice(self.fleet)
        worker = await self.store.inspector.worker(claimant.driver.id)
        own = await explain_worker(self.store, worker)
        waiting = await self.waiting()
        first = own.takes[0].first if own.takes and own.reason == "free" else ""
        asked = {job.id for job in self.dice.sample(waiting, min(6, len(waiting)))} | ({first} if first else set())
        told = {name: await explained(self.store, name) for name in asked}
        took = ""
        if own.reason == "free":
            took = await claimant.claim()
            assert took == first or not own.exact
            self.taken += bool(took)
            self.passed_over += bool(took) and took != next(job.id for job in waiting if job.state == "pending")
        for name, explanation in told.items():
            standing = next(each for each in explanation.standings if each.worker.id == worker.id)
            self.unsure += not standing.exact
            if standing.exact or standing.tier is Tier.NOW:
                assert (standing.tier is Tier.NOW) == (own.reason == "free" and took == name)
            starts = any(each.tier is Tier.NOW for each in explanation.standings)
            assert starts == (explanation.tier is Tier.NOW)


async def test_a_free_strict_worker_takes_its_job_whatever_others_wait_for(store: Store) -> None:
    shared = await register(store, "shared")
    await register(store, "strict", isolation="strict", allowed_customers=["acme"])
    for _ in range(5):
        await submit(store, customer_id="bolt", priority=90)
    await shared.take()
    mine = {"customer_id": "acme"}
    told = await preview(store, make_request(**mine))
    assert (told.tier, told.ahead) == (Tier.NOW, 0)
    assert [(each.worker.id, each.ahead) for each in told.standings] == [("strict", 0), ("shared", 4)]
    found = await explained(store, await submit(store, **mine))
    assert (found.tier, found.reasons[0].text) == (Tier.NOW, "worker strict is free and takes it with its next claim")


async def test_an_idle_worker_knows_what_it_takes_however_many_classes_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emp_core.store.outlook.MOST_CLASSES", 3)
    strict = await register(store, "strict", isolation="strict", allowed_customers=["acme"])
    await submit(store, customer_id="acme")  # its class is judged before the claims that find nothing
    await strict.complete(await strict.take())
    for number in range(5):
        await submit(store, customer_id=f"other{number}", priority=90)
    told = await preview(store, make_request(customer_id="acme"))
    assert (told.tier, told.ahead_exact) == (Tier.NOT_NOW, False)
    assert await strict.claim() is None
    told = await preview(store, make_request(customer_id="acme"))
    assert (told.tier, told.ahead, told.ahead_exact) == (Tier.NOW, 0, True)
    job_id = await submit(store, customer_id="acme")
    assert (await explained(store, job_id)).tier is Tier.NOW
    behind = await preview(store, make_request(customer_id="acme", priority=1, requirements={"gpu_memory_gb": 4}))
    assert (behind.tier, behind.ahead, behind.ahead_exact) == (Tier.NOT_NOW, 1, True)
    own = await explain_worker(store, await store.inspector.worker("strict"))
    assert [each.first for each in own.takes] == [job_id]
    assert (await strict.take()).job_id == job_id


@pytest.mark.parametrize("most_classes", [1_000, 2])
@pytest.mark.parametrize("seed", range(2))
async def test_what_is_said_to_be_next_is_what_the_next_claim_takes(
    store: Store, seed: int, most_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emp_core.store.outlook.MOST_CLASSES", most_classes)
    queue = Queue(store, random.Random(seed))
    await queue.join(slots=2)
    await queue.join(slots=2, down="a1111")
    await queue.join(slots=3, max_customers=1)
    await queue.join(isolation="strict", allowed_customers=["acme"])
    await queue.join(workflow="w1", denied_customers=["bolt"])
    acts = [queue.submit] * 6 + [queue.claim] * 10 + [queue.end] * 4 + [queue.change] * 3 + [queue.limit, queue.steer]
    for _ in range(160):
        await queue.dice.choice(acts)()
    assert (queue.taken > 10, queue.passed_over > 3, queue.unsure > 0) == (True, True, most_classes == 2)


async def test_a_job_that_finds_the_list_of_returned_jobs_full_says_what_it_waits_for(store: Store) -> None:
    broken, _ = await register(store, "gpu1:0"), await register(store, "gpu1:1")
    key, filler = store.link.key("avoided"), [f"filler-{n}" for n in range(POLICY.avoided_cap)]
    await store.link.call("ZADD", key, *(word for name in filler for word in (1, name)))
    job = await submit(store)
    await broken.settle(mismatched(await broken.take(), "lacks the node class 'Foo'"))
    found = await explained(store, job)
    await store.link.call("ZREM", key, *filler)
    assert [reason.code for reason in found.reasons] == ["lacking", "delayed"]
    assert "gpu1:0 lacks the node class 'Foo'" in found.reasons[0].text
    assert "256 jobs already wait for another worker" in found.reasons[1].text


async def test_a_refused_job_that_backs_off_after_a_failed_run_says_so(store: Store) -> None:
    broken, good = await register(store, "gpu1:0"), await register(store, "gpu1:1")
    job = await submit(store)
    await broken.settle(mismatched(await broken.take(), "lacks the node class 'Foo'"))
    await good.fail(await good.take())
    (reason,) = (await explained(store, job)).reasons
    assert reason.text.startswith("failed 1 of 3 times")
