"""`Outlook`: the reads behind an explanation: what stands before a job, and what holds its class back."""

from collections.abc import Sequence
from typing import Any

from emp_core.domain.explain import WaitingClass
from emp_core.domain.job import Job
from emp_core.domain.requirements import requirements_of
from emp_core.domain.states import JobState
from emp_core.store.connection import Link

CLASSES = 1_000
"""Classes that one explanation looks at, the best heads first."""


class Outlook:
    """Reads how things stand around a job."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def before(self, class_id: str, score: int) -> int:
        """Waiting jobs of a class with a better score."""
        count = await self._link.call("ZCOUNT", self._link.key(f"jobs:pending:{class_id}"), f"({score}", "+inf")
        return int(count)

    async def ahead(self, class_id: str, score: int) -> list[WaitingClass]:
        """The other classes whose heads stand before a score, with the jobs that do."""
        heads = self._link.key("heads")
        found = await self._link.call("ZRANGE", heads, "+inf", f"({score}", "BYSCORE", "REV", "LIMIT", 0, CLASSES)
        names = [name.decode() for name in found if name.decode() != class_id]
        return await self._classes(names, f"({score}")

    async def waiting(self) -> list[WaitingClass]:
        """The classes that workers choose from, the best head first."""
        heads = await self._link.call("ZRANGE", self._link.key("heads"), 0, CLASSES - 1, "REV")
        return await self._classes([name.decode() for name in heads], "-inf")

    async def _classes(self, names: Sequence[str], least: str) -> list[WaitingClass]:
        key = self._link.key
        counts = await self._link.read_many([("ZCOUNT", key(f"jobs:pending:{name}"), least, "+inf") for name in names])
        texts = await self._link.read_many([("HGET", key(f"class:{name}"), "requirements") for name in names])
        return [
            WaitingClass(class_id=name, requirements=requirements_of(text.decode()), jobs=count)
            for name, count, text in zip(names, counts, texts, strict=True)
            if text and count
        ]

    async def limit(self, job: Job) -> str:
        """The concurrency limit that a job's class is parked for, in words; empty where it is not."""
        key = self._link.key
        if job.state is not JobState.PENDING or not await self._link.call("SISMEMBER", key("parked"), job.class_id):
            return ""
        of_class, of_customer = await self._link.call(
            "HMGET", key("limits"), f"class:{job.class_id}", f"customer:{job.customer_id}"
        )
        if of_customer:
            return f"customer {job.customer_id} may run {_jobs(of_customer)} at once"
        return f"its class may run {_jobs(of_class)} at once" if of_class else "its class is at its limit"

    async def avoided_until(self, job: Job) -> int | None:
        """Until when a returned job waits for another worker; ms since 1970."""
        until = await self._link.call("ZSCORE", self._link.key("avoided.until"), job.id)
        return int(float(until)) if until else None

    async def states(self, job_ids: Sequence[str]) -> dict[str, str]:
        """The state of each job; `gone` where there is none."""
        answers = await self._link.read_many([("HGET", self._link.key(f"job:{name}"), "state") for name in job_ids])
        return {name: state.decode() if state else "gone" for name, state in zip(job_ids, answers, strict=True)}


def _jobs(count: Any) -> str:
    return "1 job" if int(count) == 1 else f"{int(count)} jobs"
