"""record_verdicts: what the predicate said, kept as two bits."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def _record(store: Store, *verdicts: tuple[str, str, str, str]) -> int:
    return int(await store.link.run("record_verdicts", verdicts, profile="", judged=""))


async def test_two_bits_a_slot_judged_and_fits(store: Store, look: Look) -> None:
    workers = [await register(store, f"gpu{n}:0", gpu_memory_gb=n) for n in range(1, 7)]
    job = await submit(store, requirements={"gpu_memory_gb": 3})
    bits = look().string(f"class.verdicts:{look().job(job)['class']}")
    verdicts = [bits[n // 4] >> (6 - 2 * (n % 4)) & 3 for n in range(8)]
    assert [verdicts[worker.profile_number] for worker in workers] == [2, 2, 3, 3, 3, 3]
    assert verdicts[6:] == [0, 0]


async def test_a_verdict_for_a_slot_that_is_anothers_is_refused(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    name = look().job(job)["class"]
    before = look().string(f"class.verdicts:{name}")
    assert await _record(store, (name, "another-profile", str(worker.profile_number), "0")) == 0
    assert await _record(store, (name, worker.life.profile, "9", "0")) == 0
    assert look().string(f"class.verdicts:{name}") == before


async def test_a_verdict_for_a_class_that_was_dropped_is_refused(store: Store, look: Look) -> None:
    worker = await register(store)
    assert await _record(store, ("no-class", worker.life.profile, str(worker.profile_number), "1")) == 0
    assert "class.verdicts:no-class" not in look().entries


async def test_the_first_fit_makes_a_class_workable(store: Store, look: Look) -> None:
    await submit(store)
    assert len(look().members("classes.unworkable")) == 1
    await register(store)
    assert look().members("classes.unworkable") == set()


async def test_an_idle_worker_is_woken_when_its_profile_is_judged(store: Store) -> None:
    worker = await register(store)
    assert await worker.claim() is None
    await submit(store)
    assert len(await worker.tokens()) == 1


async def test_a_job_that_avoids_another_wakes_who_is_judged_later(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    await one.release(await one.take())
    assert look().scores("avoided").keys() == {job}
    late = await register(store, "gpu3:0", gpu_memory_gb=8, judge=False)
    key = store.link.key
    await store.link.call("HSET", key("idle.where"), late.id, f"{late.profile_number} ")
    await store.link.call("ZADD", key(f"idle.workers:{late.profile_number}"), 1, late.id)
    await store.link.call("ZADD", key("idle"), 1, late.profile_number)
    await store.link.call("BITFIELD", key("idle.bits"), "SET", "u2", f"#{late.profile_number}", 1)
    await store.registry.judge(late.life, late.capabilities, late.profile_number)
    assert len(await late.tokens()) == 1


async def test_a_cursor_is_lifted_to_a_head_that_now_fits(store: Store, look: Look) -> None:
    worker = await register(store)
    for n in range(40):
        await submit(store, priority=90, customer_id=f"c{n}", requirements={"gpu_memory_gb": 80})
    behind = await submit(store, priority=1)
    assert (await worker.take()).job_id == behind
    known = look()
    high = max(known.scores("heads"), key=lambda name: known.scores("heads")[name])
    await _record(store, (high, worker.life.profile, str(worker.profile_number), "1"))
    assert look().fields(f"cursor:{worker.profile_number}")["s"] == known.job(await _head(store, high))["score"]
    assert (await worker.take()).class_id == high


async def _head(store: Store, class_id: str) -> str:
    (job,) = await store.link.call("ZRANGE", store.link.key(f"jobs:pending:{class_id}"), 0, 0, "REV")
    return str(job.decode())
