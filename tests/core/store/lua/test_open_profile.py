"""open_profile: what is left of a worker while some of its services are down."""

from dataclasses import replace

from emp_core.store import Store, Wish
from tests.support.builders import make_capabilities, register, submit
from tests.support.snapshot import Look


async def test_a_reduced_profile_has_a_slot_and_no_worker(store: Store, look: Look) -> None:
    worker = await register(store, services=["comfyui", "a1111"])
    rest = worker.capabilities.without_services(frozenset({"a1111"}))
    number = await store.registry.open_profile(rest)
    found = look()
    assert number != worker.profile_number
    assert found.fields("profiles")[rest.profile_id] == str(number)
    assert found.scores("profiles.workers") == {str(worker.profile_number): 1}
    assert await store.registry.open_profile(rest) == number


async def test_t3_with_a_service_down_the_worker_claims_what_is_left(store: Store, look: Look) -> None:
    worker = await register(store, services=["comfyui", "a1111"])
    await submit(store, service="a1111", priority=90)
    job = await submit(store)
    rest = worker.capabilities.without_services(frozenset({"a1111"}))
    await store.registry.open_profile(rest)
    life = replace(worker.life, profile=rest.profile_id)
    turn = await store.broker.turn(life, rest, Wish(nonces=("n1", "n2")))
    assert [claim.job_id for claim in turn.claimed] == [job]
    assert look().members("classes.unworkable") == set(), "down is not now; the worker has the service"


async def test_it_waits_under_the_reduced_profile(store: Store, look: Look) -> None:
    worker = await register(store, services=["comfyui", "a1111"])
    rest = worker.capabilities.without_services(frozenset({"a1111"}))
    number = await store.registry.open_profile(rest)
    await store.broker.turn(replace(worker.life, profile=rest.profile_id), rest, Wish(nonces=("n1",)))
    assert look().fields("idle.where") == {worker.id: f"{number} "}
    await submit(store, service="a1111")
    assert await worker.tokens() == []
    await submit(store)
    assert len(await worker.tokens()) == 1


async def test_slots_are_given_in_turn_and_once(store: Store) -> None:
    offers = [make_capabilities(gpu_memory_gb=n) for n in range(1, 6)]
    numbers = [await store.registry.open_profile(offer) for offer in offers]
    assert numbers == [0, 1, 2, 3, 4]
