"""unjudged_classes: the pages in which a new profile is judged."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_only_what_the_profile_was_not_judged_against(store: Store, look: Look) -> None:
    first = await submit(store, requirements={"gpu_memory_gb": 1})
    worker = await register(store)
    second = await submit(store, requirements={"gpu_memory_gb": 2})
    name = look().job(second)["class"]
    await store.link.call("DEL", store.link.key(f"class.verdicts:{name}"))
    last, *found = await store.link.run("unjudged_classes", number=worker.profile_number, after="0", batch=10)
    assert int(last) == 2
    assert [text.decode() for text in found] == [name, look().fields(f"class:{name}")["requirements"]]
    assert look().job(first)["class"] != name


async def test_pages_follow_each_other_to_the_end(store: Store) -> None:
    for n in range(7):
        await submit(store, requirements={"gpu_memory_gb": n + 1})
    seen, after = [], "0"
    for _ in range(4):
        last, *found = await store.link.run("unjudged_classes", number=0, after=after, batch=3)
        seen.append(len(found) // 2)
        after = last.decode()
    assert seen == [3, 3, 1, 0]


async def test_a_profile_is_judged_once_however_many_workers_share_it(store: Store, look: Look) -> None:
    for n in range(5):
        await submit(store, requirements={"gpu_memory_gb": n + 1})
    worker = await register(store, judge=False)
    assert await store.registry.judge(worker.life, worker.capabilities, worker.profile_number) == 5
    assert await store.registry.judge(worker.life, worker.capabilities, worker.profile_number) == 0
    assert look().fields(f"profile:{worker.life.profile}")["judged"] == "5"
