"""`Upkeep`: the queue's chores as single calls. A hub runs them on a period; none needs another."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from emp_core.domain.policy import FORGOTTEN_A_CALL, INDEXED_A_CALL
from emp_core.domain.states import ENDED
from emp_core.store.classes import ClassIndex
from emp_core.store.connection import Link
from emp_core.store.memory import RECENT_MS, Memory, read_memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended jobs are kept; ms and a number."""

    completed_ms: int = 24 * 3_600_000
    failed_ms: int = 7 * 86_400_000
    cancelled_ms: int = 7 * 86_400_000
    at_most: int = 100_000
    floor_ms: int = RECENT_MS
    """A job that finished less than this ago is not removed for `at_most`, nor to free memory."""

    def of(self, state: str) -> int:
        """The age at which a job that ended so is forgotten."""
        ages = {"completed": self.completed_ms, "failed": self.failed_ms, "cancelled": self.cancelled_ms}
        return ages[state]


WITHOUT_FLOOR = 10
"""So many times `at_most` jobs are kept at most, however young they are."""

ROOM_MADE_BY = ("completed", "cancelled", "failed")
"""Whose jobs are removed first to free memory: nobody needs to look into the completed ones."""

PATROLLED = ("leases", "delayed", "held", "blocked", *(f"jobs:{state}" for state in ENDED))
"""Lists that a patrol reads first; those for filters come after. Claims look at pending jobs, so these are not here."""


class Upkeep:
    """Reaps, promotes, resolves, forgets."""

    def __init__(self, link: Link, classes: ClassIndex, *, jitter: Callable[[], float] | None = None) -> None:
        self._link = link
        self._classes = classes
        self._jitter = jitter or (lambda: random.uniform(0.5, 1.5))
        self._fleet_changed: bytes | None = None
        self._round: list[str] = []
        self._patrolled = 0

    async def reap(self, lease_ms: int, batch: int = 100) -> tuple[int, int | None]:
        """What time does to jobs and workers. How many were moved, and ms until the next delayed job is due."""
        done, next_due = await self._link.run("reap_jobs", lease=lease_ms, jitter=self._jitter(), batch=batch)
        return done, next_due if next_due >= 0 else None

    async def resolve_children(self, batch: int = 100) -> int:
        """Go on with the children of ended parents. How many parents are left."""
        left: int = await self._link.run("resolve_children", batch=batch)
        return left

    async def review_fleet(self) -> bool:
        """Mark unworkable classes anew, if the fleet changed since the last look."""
        changed = await self._link.call("GET", self._link.key("fleet"))
        if changed == self._fleet_changed:
            return False
        await self._classes.review()
        self._fleet_changed = changed
        return True

    async def judge_waiting(self) -> int:
        """Judge classes whose creator died before it did. How many there were."""
        return await self._classes.judge_forgotten()

    async def retain(self, retention: Retention, batch: int = 100) -> list[str]:
        """Forget ended jobs that are past their time, a batch of each kind, and a batch of those that are too many."""
        now = await self._now_ms()
        doomed: list[bytes] = []
        for state in ENDED:
            oldest = now - retention.of(state)
            doomed += await self._ended(state, "-inf", oldest, "BYSCORE", "LIMIT", 0, batch)
        doomed += await self._surplus(retention, now - retention.floor_ms, set(doomed), batch)
        return await self.delete([job_id.decode() for job_id in doomed])

    async def _surplus(self, retention: Retention, floor: int, doomed: set[bytes], batch: int) -> list[bytes]:
        """The oldest of the jobs over `at_most`; those of `doomed` go anyway."""
        total = sum([await self._link.call("ZCARD", self._link.key(f"jobs:{state}")) for state in ENDED]) - len(doomed)
        surplus = min(total - retention.at_most, batch)
        if surplus <= 0:
            return []
        kept: list[tuple[float, bytes]] = []
        for state in ENDED:
            found = await self._ended(state, 0, surplus + len(doomed) - 1, "WITHSCORES")
            kept += [(float(at), name) for name, at in zip(found[::2], found[1::2], strict=True) if name not in doomed]
        of_any_age = total - WITHOUT_FLOOR * retention.at_most
        oldest = enumerate(sorted(kept)[:surplus])
        return [job_id for place, (at, job_id) in oldest if at <= floor or place < of_any_age]

    async def make_room(self, retention: Retention, batch: int = 100) -> list[str]:
        """Forget a batch of ended jobs to free memory: the oldest of each kind, completed ones first. Their ids."""
        before = await self._now_ms() - retention.floor_ms
        doomed: list[bytes] = []
        for state in ROOM_MADE_BY:
            if len(doomed) < batch:
                doomed += await self._ended(state, "-inf", before, "BYSCORE", "LIMIT", 0, batch - len(doomed))
        return await self.delete([job_id.decode() for job_id in doomed])

    async def _ended(self, state: str, *which: object) -> list[bytes]:
        found: list[bytes] = await self._link.call("ZRANGE", self._link.key(f"jobs:{state}"), *which)
        return found

    async def _now_ms(self) -> int:
        seconds, micros = await self._link.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def memory(self, retention: Retention) -> Memory:
        """How full Redis is, and which jobs fill it."""
        return await read_memory(self._link, retention.floor_ms)

    async def memory_share(self) -> float:
        """How much of its memory Redis has used, 0 to 1; 0 where it has no limit."""
        info = await self._link.info("memory")
        return int(info["used_memory"]) / int(info["maxmemory"]) if int(info["maxmemory"]) else 0.0

    async def delete(self, job_ids: list[str]) -> list[str]:
        """Forget those of the jobs that have ended (T16). Their ids."""
        deleted: list[str] = []
        for start in range(0, len(job_ids), FORGOTTEN_A_CALL):
            some = job_ids[start : start + FORGOTTEN_A_CALL]
            words = await self._link.run("delete_jobs", [(job_id,) for job_id in some], customer="", by="", reason="")
            deleted += [job_id for job_id, word in zip(some, words, strict=True) if word == b"ok"]
        return deleted

    async def drop_classes(self, empty_ms: int = 300_000, batch: int = 200) -> int:
        """Forget classes without jobs."""
        dropped: int = await self._link.run("drop_classes", before=empty_ms, batch=batch)
        return dropped

    async def close_profiles(self, unused_ms: int = 600_000, batch: int = 500) -> int:
        """Give back the slots of profiles without workers. How many are under way."""
        closing: int = await self._link.run("close_profile", before=unused_ms, batch=batch)
        return closing

    async def forget_workers(self, keep_ms: int = 86_400_000, batch: int = 100) -> int:
        """Drop the memory of workers long gone."""
        forgotten: int = await self._link.run("forget_workers", keep=keep_ms, batch=batch)
        return forgotten

    async def trim_events(self, age_ms: int) -> int:
        """Drop transitions older than the stream keeps."""
        oldest = await self._now_ms() - age_ms
        dropped: int = await self._link.call("XTRIM", self._link.key("events"), "MINID", "~", oldest)
        return dropped

    async def index_jobs(self) -> int:
        """List the jobs of an earlier version for filters, if the queue was taken over from one. How many there were.

        It reads the key space, once in the life of a queue: jobs move from list to list meanwhile.
        """
        if not await self._link.call("EXISTS", self._link.key("indexing")):
            return 0
        done = 0
        for name in await self._link.call("ZRANGE", self._link.key("workers"), 0, -1):
            await self._link.call("SADD", self._link.key("workers.named"), name)
        async for names in self._link.scan("job:", INDEXED_A_CALL):
            done += await self._link.run("index_jobs", [(name,) for name in names])
        await self._link.call("DEL", self._link.key("indexing"))
        return done

    async def repair(self, job_id: str) -> str:
        """Put a damaged job back into a legal state: `sound`, `repaired`, `corrupt` or `deleted`."""
        answer: bytes = await self._link.run("repair_job", id=job_id)
        return answer.decode()

    async def repair_quarantine(self, batch: int = 100) -> dict[str, str]:
        """Try the jobs that were set aside."""
        found = await self._link.call("HRANDFIELD", self._link.key("quarantine"), batch)
        return {job_id.decode(): await self.repair(job_id.decode()) for job_id in found}

    async def patrol(self, batch: int = 500) -> dict[str, str]:
        """Look at the next jobs of the lists, and repair what is damaged; a round takes as many calls as it needs."""
        if not self._round:
            self._round = [*PATROLLED, *await self._lists_for_filters()]
        name, start = self._round[0], self._patrolled
        ids = [
            found.decode() for found in await self._link.call("ZRANGE", self._link.key(name), start, start + batch - 1)
        ]
        self._patrolled = start + batch if len(ids) == batch else 0
        if not self._patrolled:
            del self._round[0]
        states = await self._link.read_many([("HGET", self._link.key(f"job:{job_id}"), "state") for job_id in ids])
        found = {job_id: await self.repair(job_id) for job_id, state in zip(ids, states, strict=True) if state is None}
        if name in PATROLLED:
            return found
        # What is left of a job that is gone: no hash tells in which of these lists it is.
        stray = [job_id for job_id, answer in found.items() if answer == "deleted"]
        for job_id in stray:
            await self._link.call("ZREM", self._link.key(name), job_id)
        return {job_id: answer for job_id, answer in found.items() if job_id not in stray}

    async def _lists_for_filters(self) -> list[str]:
        classes = await self._link.call("ZRANGE", self._link.key("classes"), 0, -1)
        workers = await self._link.call("SMEMBERS", self._link.key("workers.named"))
        return [f"class.jobs:{name.decode()}" for name in classes] + [
            f"worker.jobs:{name.decode()}" for name in workers
        ]
