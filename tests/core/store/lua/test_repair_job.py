"""repair_job: R47. Delete any one key of a job by hand: it comes to a legal state or is set aside."""

import pytest

from emp_core.domain.states import JobState
from emp_core.store import Store
from emp_core.store.upkeep import PATROLLED
from tests.support.builders import WorkerDriver, register, submit
from tests.support.invariants import RULES, violations
from tests.support.leaks import leaks
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, fall_due, reap

SOON = 4_000_000_000_000
STATES = ("pending", "avoided", "delayed", "held", "blocked", "active", "cancelling", "completed", "failed")


async def _job_in(store: Store, state: str, worker: WorkerDriver) -> str:
    """A job with as many keys as it can have there."""
    if state == "blocked":
        return await submit(store, depends_on=[await submit(store, run_at=SOON)])
    job = await submit(store, priority=100, customer_id="acme")
    await submit(store, depends_on=[job], customer_id="acme")
    claim = await worker.take()
    await worker.report(claim, percent=1.0, message="m", lines=("l",))
    if state == "cancelling":
        await store.broker.cancel(job)
    elif state == "completed":
        await worker.complete(claim, a=1)
    elif state == "failed":
        await worker.fail(claim, retryable=False)
    elif state == "delayed":
        await worker.fail(claim)
    elif state != "active":
        await worker.release(claim)
    if state == "held":
        await store.broker.hold(job)
    return job


async def _all_chores(store: Store, look: Look, job: str) -> None:
    """What a hub does in the course of time."""
    for _ in range(2):
        if job in look().scores("leases"):
            await end_lease(store, job)
        for name in ("delayed", "avoided.until"):
            await store.link.call("ZADD", store.link.key(name), "XX", 1, job)
        await reap(store)
        for _ in PATROLLED:
            await store.upkeep.patrol()
        await store.upkeep.repair_quarantine()
        await store.upkeep.resolve_children()


ALWAYS = ("job", "job.payload")
STARTED = (*ALWAYS, "job.log")
KEYS_OF = {
    "blocked": ALWAYS,
    "active": (*STARTED, "job.children"),
    "cancelling": (*STARTED, "job.children"),
    "completed": (*STARTED, "job.result"),
    "failed": (*STARTED, "job.result", "job.attempts"),
    **dict.fromkeys(("pending", "avoided", "delayed", "held"), (*STARTED, "job.attempts", "job.children")),
}

UNKNOWABLE = {
    # Without its hash nobody can say of which class the job was, nor, before its worker's next beat, who holds it.
    True: ("classesCount", "I1 oneClaim"),
    False: (),
}


@pytest.mark.damages
@pytest.mark.parametrize(("state", "key"), [(state, key) for state in STATES for key in KEYS_OF[state]])
async def test_r47_any_one_key_of_a_job_may_go(store: Store, look: Look, state: str, key: str) -> None:
    first, second = await register(store), await register(store, "gpu2:0")
    job = await _job_in(store, state, first)
    assert await store.link.call("DEL", store.link.key(f"{key}:{job}")) == 1
    await _all_chores(store, look, job)
    await first.drain()
    await second.drain()
    await _all_chores(store, look, job)

    found = look()
    assert found.job(job).get("state") not in ("active", "cancelling")
    assert found.fields("quarantine") == {}
    if key == "job":
        assert leaks(found) == []
        assert job not in str(found.scores(f"ids:{job[:4]}"))
    if key != "job.children":
        assert [line for line in violations(found) if not line.startswith(UNKNOWABLE[key == "job"])] == []
    fresh = await submit(store)
    assert fresh in await second.drain(), "the others go on"


@pytest.mark.damages
@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("active", "a lease without an active job"),
        ("cancelling", "a lease without an active job"),
        ("delayed", "due but not delayed"),
        ("avoided", "avoided, but it cannot be read"),
    ],
)
async def test_r47_a_due_job_whose_hash_is_gone_counts_in_no_state(
    store: Store, look: Look, state: str, why: str
) -> None:
    first, _ = await register(store), await register(store, "gpu2:0")
    job = await _job_in(store, state, first)
    await store.link.call("DEL", store.link.key(f"job:{job}"))
    for name in ("leases", "delayed", "avoided.until"):
        await store.link.call("ZADD", store.link.key(name), "XX", 1, job)
    await reap(store)
    found = look()
    assert found.fields("quarantine") == {job: why}
    assert [name for name in ("leases", "timeouts", "delayed", "avoided.until") if job in found.scores(name)] == []
    assert {state: count for state, count in found.fields("counts").items() if count != "0"} == {"blocked": "1"}


@pytest.mark.damages
@pytest.mark.parametrize("damage", [("HDEL", "state"), ("HDEL", "spec"), ("HSET", "spec", "x"), ("HSET", "claim", "x")])
async def test_r47_a_job_whose_hash_cannot_be_read_is_shown_and_kept_out(
    store: Store, look: Look, damage: tuple[str, ...]
) -> None:
    worker = await register(store)
    job = await submit(store)
    command, *words = damage
    await store.link.call(command, store.link.key(f"job:{job}"), *words)
    assert await worker.claim() is None
    assert set(look().fields("quarantine")) == {job}
    assert await store.upkeep.repair_quarantine() == {job: "corrupt"}
    assert (await store.inspector.job(job)).state is None
    assert look().fields("counts") == {"pending": "0"}
    assert await store.upkeep.delete([job]) == [job]
    assert [name for name in look().entries if job in name] == []
    assert look().fields("quarantine") == {}


@pytest.mark.damages
@pytest.mark.parametrize("state", STATES)
async def test_r47_a_hash_of_another_type_stops_nobody(store: Store, look: Look, state: str) -> None:
    first, second = await register(store), await register(store, "gpu2:0")
    job = await _job_in(store, state, first)
    await store.link.call("SET", store.link.key(f"job:{job}"), "broken")
    for name in ("leases", "delayed", "expiry", "timeouts", "avoided.until"):
        await store.link.call("ZADD", store.link.key(name), "XX", 1, job)
    other = await submit(store, run_at=SOON)
    await fall_due(store, other)
    await reap(store)
    await reap(store)
    assert other in await second.drain()


@pytest.mark.damages
@pytest.mark.parametrize("state", STATES)
async def test_r47_a_job_that_its_list_lost_is_listed_again(store: Store, look: Look, state: str) -> None:
    worker = await register(store)
    if state == "avoided":
        await register(store, "gpu2:0")
    job = await _job_in(store, state, worker)
    found = look()
    lists = [entry.name for entry in found.entries.values() if entry.type == "zset" and job in found.scores(entry.name)]
    lists = [name for name in lists if not name.startswith(("ids:", "expiry", "timeouts", "avoided.until"))]
    for name in lists:
        await store.link.call("ZREM", store.link.key(name), job)
    assert lists
    assert await store.upkeep.repair(job) == "repaired"
    assert await store.upkeep.repair(job) == "sound"
    await reap(store)
    found = look()
    wanted = {name: RULES[name] for name in ("I6 noLeaseForTerminal", "I7 activeHasLease", "waitingIsListed")}
    jobs = found.jobs()
    broken = [line for rule in wanted.values() for line in rule(found, jobs) if "expiry" not in line]
    assert broken == []


@pytest.mark.damages
async def test_r47_a_class_whose_requirements_are_lost_stands_in_nobodys_way(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, priority=90, requirements={"gpu_memory_gb": 1})
    other = await submit(store)
    name = look().job(job)["class"]
    await store.link.call("DEL", store.link.key(f"class:{name}"), store.link.key(f"class.verdicts:{name}"))
    assert await worker.drain() == [other]
    assert (await store.inspector.job(job)).state is JobState.PENDING
    assert name in look().members("classes.unworkable")
    again = await submit(store, priority=90, requirements={"gpu_memory_gb": 1})
    assert await worker.drain() == [job, again], "the next job of the class brings them back"


@pytest.mark.damages
async def test_r47_a_claim_of_a_job_that_is_gone_is_dropped_with_the_next_beat(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.link.call("DEL", store.link.key(f"job:{job}"))
    assert await worker.beat(claim) == ["lost:deleted"]
    assert look().fields(f"jobs:active:{worker.id}") == {}


async def test_a_sound_job_is_left_alone(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = [await _job_in(store, state, worker) for state in ("blocked", "active")]
    before = look()
    assert [await store.upkeep.repair(job) for job in jobs] == ["sound", "sound"]
    assert look().fields(f"job:{jobs[0]}") == before.fields(f"job:{jobs[0]}")
    assert await store.upkeep.repair("nobody") == "deleted"
