"""set_limit: how many jobs of a customer or a class may run at once. What it does to claims: test_take_turn_limits."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_a_limit_is_kept_and_taken_away(store: Store, look: Look) -> None:
    await store.broker.set_limit("customer:acme", 3)
    assert look().fields("limits") == {"customer:acme": "3"}
    await store.broker.set_limit("customer:acme", None)
    assert "limits" not in look().entries


async def test_a_change_lets_parked_classes_be_looked_at_again(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    for _ in range(3):
        await submit(store, customer_id="acme")
    await worker.take()
    assert await worker.claim() is None
    assert len(look().members("parked")) == 1
    await store.broker.set_limit("customer:acme", 2)
    assert look().members("parked") == set()
    await worker.take()
    assert await worker.claim() is None


async def test_a_lower_limit_lets_what_runs_run(store: Store) -> None:
    worker = await register(store)
    for _ in range(3):
        await submit(store, customer_id="acme")
    claims = (await worker.turn(claims=2)).claimed
    await store.broker.set_limit("customer:acme", 1)
    assert await worker.claim() is None
    await worker.complete(claims[0])
    assert await worker.claim() is None
    await worker.complete(claims[1])
    assert await worker.claim() is not None


async def test_zero_stops_a_customer(store: Store) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 0)
    await submit(store, customer_id="acme")
    assert await worker.claim() is None
