"""raise_schema: a hub takes over a queue of the layout before; others refuse it until then."""

import pytest

from emp_core.domain.filter import parse
from emp_core.errors import Misconfigured
from emp_core.store import Store, open_store
from emp_core.store.server import SCHEMA
from tests.core.store.search.queues import fill
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look

NEW = ("class.jobs:", "worker.jobs:", "workers.named")


async def _write_as_before(store: Store, look: Look) -> dict[str, object]:
    """What the layout before lacks is taken away. Returns what it was."""
    lists = {name: entry.value for name, entry in look().entries.items() if name.startswith(NEW)}
    for name in lists:
        await store.link.call("DEL", store.link.key(name))
    for name in look().ids("workflow.jobs:{workflow}"):
        for ordinal, job in enumerate(sorted(look().scores(f"workflow.jobs:{name}"))):
            await store.link.call("ZADD", store.link.key(f"workflow.jobs:{name}"), ordinal, job)
    await store.link.call("SET", store.link.key("schema"), "2")
    return lists


async def test_a_hub_takes_over_the_layout_before_and_lists_its_jobs(store: Store, server: Server, look: Look) -> None:
    await fill(store, seed=7, jobs=250)
    lists = await _write_as_before(store, look)
    with pytest.raises(Misconfigured, match="schema 2") as refused:
        await open_store(server.url)
    assert "hub" in refused.value.hint
    hub = await open_store(server.url, upgrade=True)
    assert look().string("schema") == SCHEMA.encode()
    before = await hub.search.page(parse("customer:acme"))
    assert not before.complete
    assert await hub.upkeep.index_jobs() == len(look().jobs())
    found = {name: entry.value for name, entry in look().entries.items() if name.startswith(NEW)}
    assert found.keys() == lists.keys()
    after = await hub.search.page(parse("customer:acme"), limit=1_000)
    assert after.complete
    assert len(after.jobs) == sum(job.get("customer") == "acme" for job in look().jobs().values()) > 20
    assert await hub.upkeep.index_jobs() == 0
    await (await open_store(server.url)).close()
    await hub.close()


async def test_what_limits_parked_in_the_layout_before_is_claimed_in_order(store: Store, server: Server) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme")
    waits = await submit(store, customer_id="acme", priority=90)
    other = await submit(store, customer_id="other", priority=40)
    claim = await worker.take()
    assert claim.job_id == waits
    assert (await worker.take()).job_id == other
    key = store.link.key("parked:customer:acme")
    classes = await store.link.call("ZRANGE", key, 0, -1)
    assert classes
    await store.link.call("DEL", key)
    await store.link.call("SADD", key, *classes)
    await store.link.call("SET", store.link.key("schema"), "3")
    await (await open_store(server.url, upgrade=True)).close()
    assert await worker.claim() is None
    await worker.complete(claim)
    assert (await worker.take()).customer_id == "acme"
