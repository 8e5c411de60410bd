"""Counts what Redis is asked for, so that a test can hold a cost without a clock."""

from emp_core.store import Store


async def commands_so_far(store: Store) -> int:
    """Commands inside functions. Not those that only the first count in a minute takes, which depend on the time."""
    counts = await _counts(store)
    first_in_minute = 2 * counts.get("pexpireat", 0)
    return sum(count for name, count in counts.items() if name not in ("fcall", "info")) - first_in_minute


async def calls_so_far(store: Store) -> int:
    """Calls of functions."""
    return (await _counts(store))["fcall"]


async def _counts(store: Store) -> dict[str, int]:
    stats = await store.link.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(one["calls"]) for name, one in stats.items()}
