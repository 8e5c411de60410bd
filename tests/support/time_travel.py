"""The functions read Redis's own clock, so the tests move the times that it is compared with.

Each function makes one thing due by `ms`; the next reap does what follows.
"""

from emp_core.domain.policy import POLICY
from emp_core.store import Store
from tests.support.builders import LEASE_MS


async def _set(store: Store, key: str, member: str, ms: int) -> None:
    await store.link.call("ZADD", store.link.key(key), "XX", await store.inspector.now_ms() - ms, member)


async def end_lease(store: Store, job_id: str, ms: int = 1) -> None:
    await _set(store, "leases", job_id, ms)


async def end_attempt(store: Store, job_id: str, ms: int = 1) -> None:
    """The attempt has lasted too long."""
    key = store.link.key(f"job:{job_id}")
    timeout, claim = await store.link.call("HMGET", key, "timeout", "claim")
    words = claim.split() if claim else []
    if len(words) == 4:
        attempt, nonce, _, began = words
        claimed = await store.inspector.now_ms() - int(timeout or POLICY.attempt_timeout_ms) - ms
        await store.link.call("HSET", key, "claim", b"%b %b %d %b" % (attempt, nonce, claimed, began))
    await _set(store, "timeouts", job_id, ms)


async def end_silence(store: Store, job_id: str, ms: int = 1) -> None:
    """It has said nothing for too long."""
    at = await store.inspector.now_ms() - ms
    await store.link.call("HSET", store.link.key(f"job:{job_id}"), "stalls", at)
    await _set(store, "timeouts", job_id, ms)


async def fall_due(store: Store, job_id: str, ms: int = 1) -> None:
    """A delayed job's time has come."""
    at = await store.inspector.now_ms() - ms
    await store.link.call("HSET", store.link.key(f"job:{job_id}"), "due", at)
    await _set(store, "delayed", job_id, ms)


async def expire(store: Store, job_id: str, ms: int = 1) -> None:
    """Its queue TTL or deadline is over."""
    await _set(store, "expiry", job_id, ms)


async def end_avoiding(store: Store, job_id: str) -> None:
    """It has waited long enough for another worker."""
    await _set(store, "avoided.until", job_id, 1)


async def end_worker(store: Store, worker: str, ms: int = 1) -> None:
    """The worker has not beaten for its lease."""
    await _set(store, "workers", worker, ms)


async def age(store: Store, key: str, member: str, ms: int) -> None:
    """What is remembered since a time has been so for `ms` already."""
    await _set(store, key, member, ms)


async def allow_chores(store: Store) -> None:
    """The last chores were long enough ago for a claim or a beat to do some."""
    await store.link.call("SET", store.link.key("seen"), await store.inspector.now_ms() - 200)


async def silence(store: Store, ms: int) -> None:
    """Nobody has spoken to Redis for so long."""
    await store.link.call("SET", store.link.key("seen"), await store.inspector.now_ms() - ms)


async def reap(store: Store, batch: int = 100) -> int:
    """What any hub does once a second."""
    return (await store.upkeep.reap(LEASE_MS, batch))[0]
