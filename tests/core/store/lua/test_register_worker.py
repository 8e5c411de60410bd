"""register_worker: lives, profiles, and what an earlier life left running."""

from typing import Any

import pytest

from emp_core.domain.policy import POLICY
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.store import Life, Store, WorkerIdInUse
from tests.support.builders import LEASE_MS, WorkerDriver, make_capabilities, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_worker, reap


async def test_a_worker_and_its_profile_are_there(store: Store, look: Look) -> None:
    before = await store.inspector.now_ms()
    worker = await register(store, machine="rack-7")
    after = await store.inspector.now_ms()
    found = look()
    known = found.fields(f"worker:{worker.id}")
    assert (known["state"], known["alive"], known["machine"], known["boot"]) == ("ready", "1", "rack-7", "boot-1")
    assert before <= found.scores("workers")[worker.id] - LEASE_MS <= after
    assert found.fields("profiles") == {worker.capabilities.profile_id: str(worker.profile_number)}
    assert found.fields(f"profile:{worker.life.profile}")["capabilities"] == worker.capabilities.canonical()
    assert found.scores("profiles.workers") == {str(worker.profile_number): 1}
    assert [entry["e"].split(" ")[0] for entry in found.log("events")] == ["worker_ready"]


async def test_equal_machines_share_a_profile(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    other = await register(store, "gpu3:0", gpu_memory_gb=8)
    assert one.profile_number == two.profile_number != other.profile_number
    assert look().scores("profiles.workers") == {str(one.profile_number): 2, str(other.profile_number): 1}


async def test_another_process_with_the_same_id_is_refused_while_the_first_beats(store: Store, look: Look) -> None:
    worker = await register(store)
    before = look().fields(f"worker:{worker.id}")
    for machine in ("gpu1", "gpu2"):
        with pytest.raises(Refused) as refused:
            await register(store, boot="boot-2", machine=machine)
        assert refused.value.reason == "worker_id_in_use"
    with pytest.raises(Refused):
        await register(store, boot="boot-2", dead_boot="boot-0")
    assert look().fields(f"worker:{worker.id}") == before


async def test_refusal_says_who_holds_the_id_and_for_how_long(store: Store) -> None:
    offered, info = make_capabilities(), {"pid": 4711}
    life = Life(worker="gpu1:0", boot="boot-1", profile=offered.profile_id, lease_ms=20_000)
    answer = await store.registry.register(life, offered, machine="rack-7", waiter="w", slots=1, info=info)
    await store.registry.judge(life, offered, answer.profile_number)
    with pytest.raises(WorkerIdInUse) as refused:
        await register(store, boot="boot-2")
    assert refused.value.message == "worker gpu1:0 is in use by pid 4711 on rack-7"
    assert (refused.value.boot, refused.value.info, refused.value.lease_ms) == ("boot-1", info, 20_000)
    assert 0 < refused.value.left_ms <= 20_000


async def test_a_restart_on_the_same_machine_gives_the_old_jobs_back_at_once(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(3)]
    claims = (await worker.turn(claims=3)).claimed
    await store.broker.cancel(jobs[1])
    await store.link.call("HSET", store.link.key(f"job:{jobs[2]}"), "losses", 2)
    again = await register(store, boot="boot-2", dead_boot="boot-1")
    found = look()
    assert [found.job(job)["state"] for job in jobs] == ["pending", "cancelled", "failed"]
    assert (found.job(jobs[0])["losses"], found.job(jobs[2])["code"]) == ("1", "poison")
    assert found.fields(f"jobs:active:{worker.id}") == {}
    assert await again.complete(claims[0]) == "ok", "a result that was kept over the restart is still good"


async def test_a_restart_tells_what_was_given_back(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    life = worker.life.__class__(worker=worker.id, boot="boot-2", profile=worker.life.profile, lease_ms=LEASE_MS)
    answer = await store.registry.register(
        life, worker.capabilities, machine="gpu1", waiter="w", slots=1, dead_boot="boot-1"
    )
    assert (answer.state, answer.profile_number, answer.given_back) == (
        WorkerState.READY,
        worker.profile_number,
        (job,),
    )


@pytest.mark.damages
async def test_a_restart_with_many_jobs_gives_some_back_a_call_until_none_is_left(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = {await submit(store) for _ in range(POLICY.given_back_a_call + 5)}
    await worker.turn(claims=len(jobs))
    await store.link.call("DEL", store.link.key(f"job:{min(jobs)}"))
    arguments = _registration(worker, boot="boot-2")
    state, _, some = await store.link.run("register_worker", **arguments)
    assert (state, len(some)) == (b"again", POLICY.given_back_a_call)
    assert (await store.inspector.worker(worker.id)).state == "ready", "the earlier life goes on until then"
    state, _, rest = await store.link.run("register_worker", **arguments)
    assert (state, {job.decode() for job in (*some, *rest)}) == (b"ready", jobs)
    assert look().fields(f"jobs:active:{worker.id}") == {}
    await reap(store)
    await store.upkeep.repair_quarantine()
    assert sum(job.get("state") == "pending" for job in look().jobs().values()) == len(jobs) - 1


def _registration(worker: WorkerDriver, boot: str) -> dict[str, Any]:
    life, offered = worker.life, worker.capabilities
    return {
        "worker": life.worker, "boot": boot, "machine": "gpu1", "lease": LEASE_MS, "profile": life.profile,
        "capabilities": offered.canonical(), "rank": str(offered.rank), "waiter": "w", "slots": 1, "info": "{}",
        "workflow": "", "services": "comfyui=up", "dead_boot": life.boot,
    }  # fmt: skip


async def test_elsewhere_the_id_is_free_once_the_first_is_silent(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await end_worker(store, worker.id)
    await register(store, boot="boot-2", machine="gpu2")
    assert look().job(job)["state"] == "pending"


async def test_the_same_life_may_register_again_and_keeps_its_jobs(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    started = look().fields(f"worker:{worker.id}")["started"]
    again = await register(store)
    assert look().job(job)["state"] == "active"
    assert look().fields(f"worker:{worker.id}")["started"] == started
    assert await again.beat(claim) == ["ok"]


async def test_another_profile_in_the_same_life_moves_the_worker(store: Store, look: Look) -> None:
    worker = await register(store)
    assert await worker.claim() is None
    again = await register(store, capabilities=make_capabilities(gpu_memory_gb=8))
    found = look()
    assert found.scores("profiles.workers") == {str(again.profile_number): 1}
    assert found.fields("idle.where") == {}
    await submit(store, requirements={"gpu_memory_gb": 16})
    assert await again.claim() is None


@pytest.mark.parametrize("state", [WorkerState.PAUSED, WorkerState.FENCED])
async def test_paused_and_fenced_belong_to_the_id(store: Store, state: WorkerState) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, state, reason="maintenance")
    again = await register(store, boot="boot-2", dead_boot="boot-1")
    await submit(store)
    assert await again.claim() is None
    known = await store.inspector.worker(worker.id)
    assert (known.state, known.reason) == (state, "maintenance")


async def test_draining_belongs_to_the_life(store: Store) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.DRAINING)
    await register(store)
    assert (await store.inspector.worker(worker.id)).state == "draining"
    await register(store, boot="boot-2", dead_boot="boot-1")
    assert (await store.inspector.worker(worker.id)).state == "ready"


async def test_a_worker_that_was_gone_comes_back(store: Store, look: Look) -> None:
    worker = await register(store)
    await end_worker(store, worker.id)
    await reap(store)
    await register(store, boot="boot-2")
    found = look()
    assert found.scores("workers.gone") == {}
    assert (await store.inspector.worker(worker.id)).state == "ready"


async def test_r47_a_claim_that_lost_its_lease_is_reaped_when_its_worker_goes(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await store.link.call("ZREM", store.link.key("leases"), job)
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await reap(store)
    assert look().job(job)["state"] == "pending"


async def test_of_two_that_saw_the_same_life_end_one_gets_the_id(store: Store) -> None:
    await register(store)
    await register(store, boot="boot-2", dead_boot="boot-1")
    with pytest.raises(Refused):
        await register(store, boot="boot-3", dead_boot="boot-1")
