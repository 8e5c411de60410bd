"""close_profile: a number is given again only when no class remembers a verdict for it."""

from dataclasses import replace

from emp_core.domain.worker import WorkerState
from emp_core.store import Store, Wish
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import age

UNUSED_MS = 600_000


async def _unused(store: Store, profile: str) -> None:
    await age(store, "profiles.used", profile, UNUSED_MS + 1)


async def test_a_profile_without_workers_gives_its_slot_back(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    assert (await worker.take()).job_id == job
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await _unused(store, worker.life.profile)
    fleet = look().string("fleet")
    assert await store.upkeep.close_profiles() == 0
    found = look()
    assert found.string("fleet") != fleet, "what is known of the fleet is read anew"
    assert found.fields("profiles") == {}
    assert found.members("profiles.free") == {str(worker.profile_number)}
    assert set(found.string(f"class.verdicts:{found.job(job)['class']}")) == {0}
    assert f"cursor:{worker.profile_number}" not in found.entries


async def test_a_profile_in_use_stays(store: Store, look: Look) -> None:
    worker = await register(store)
    await _unused(store, worker.life.profile)
    before = await store.inspector.now_ms()
    await store.upkeep.close_profiles()
    assert worker.life.profile in look().fields("profiles")
    assert look().scores("profiles.used")[worker.life.profile] >= before, "it counts as used now"


async def test_a_profile_in_which_a_worker_waits_stays(store: Store, look: Look) -> None:
    worker = await register(store, services=["comfyui", "a1111"])
    rest = worker.capabilities.without_services(frozenset({"a1111"}))
    await store.registry.open_profile(rest)
    await store.broker.turn(replace(worker.life, profile=rest.profile_id), rest, Wish(nonces=("n",)))
    await _unused(store, rest.profile_id)
    await store.upkeep.close_profiles()
    assert rest.profile_id in look().fields("profiles")


async def test_bits_are_cleared_a_page_a_call_before_the_slot_is_free(store: Store, look: Look) -> None:
    worker = await register(store)
    for n in range(7):
        await submit(store, requirements={"gpu_memory_gb": n + 1})
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await _unused(store, worker.life.profile)
    states = []
    for _ in range(4):
        states.append((await store.upkeep.close_profiles(batch=3), look().members("profiles.free")))
    assert states == [(1, set()), (1, set()), (0, {"0"}), (0, {"0"})]


async def test_while_a_slot_closes_its_profile_gets_another(store: Store, look: Look) -> None:
    worker = await register(store)
    for n in range(4):
        await submit(store, requirements={"gpu_memory_gb": n + 1})
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await _unused(store, worker.life.profile)
    await store.upkeep.close_profiles(batch=2)
    again = await register(store, boot="boot-2")
    assert again.profile_number != worker.profile_number
    while await store.upkeep.close_profiles(batch=2):
        pass
    assert len(await again.drain()) == 4
    third = await register(store, "gpu3:0", gpu_memory_gb=8)
    assert third.profile_number == worker.profile_number
    assert look().fields("profiles.closing") == {}


async def test_a_slot_given_again_knows_nothing_of_its_past(store: Store) -> None:
    large = await register(store, gpu_memory_gb=80)
    await submit(store, requirements={"gpu_memory_gb": 48})
    await store.registry.steer(large.id, WorkerState.STOPPED)
    await _unused(store, large.life.profile)
    await store.upkeep.close_profiles()
    small = await register(store, "gpu2:0", gpu_memory_gb=8, judge=False)
    assert small.profile_number == large.profile_number
    assert await small.claim() is None
