"""`ClassIndex`: which profiles can do which classes. It asks the predicate, and keeps its answers in Redis.

Whoever creates a class judges it against the profiles in use; whoever registers a new profile judges it against the
classes; a claim that meets a class nobody judged yet has it judged on the spot. A verdict depends on the two ids alone,
so it does not matter who comes first.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping, Sequence

from emp_core.domain.capabilities import Capabilities, capabilities_of
from emp_core.domain.matching import fits
from emp_core.domain.requirements import Requirements, requirements_of
from emp_core.errors import NotFound
from emp_core.store.connection import Link

PAGE = 100
"""Verdicts a call: about 1 ms in Redis, and a few of Python at a stretch."""


class ClassIndex:
    """Judges classes against profiles."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._fleet: bytes | None = None
        self._profiles: list[tuple[str, int, Capabilities]] = []

    async def requirements(self, class_id: str) -> Requirements:
        """What the jobs of a class ask. Raises `NotFound`."""
        canonical = await self._link.call("HGET", self._link.key(f"class:{class_id}"), "requirements")
        if canonical is None:
            raise NotFound("class", class_id)
        return requirements_of(canonical.decode())

    async def judge_new(self, classes: Mapping[str, str]) -> dict[str, bool]:
        """Judge new classes (id -> requirements) against every profile in use. True where a live worker's fits."""
        profiles = await self._profiles_in_use()
        verdicts = (
            (class_id, profile, str(number), "1" if fits(requirements_of(canonical), offered) else "0")
            for class_id, canonical in classes.items()
            for profile, number, offered in profiles
        )
        await self._record(verdicts)
        await self._link.call("ZREM", self._link.key("classes.unjudged"), *classes)
        unworkable = await self._link.call("SMISMEMBER", self._link.key("classes.unworkable"), *classes)
        return {class_id: not flag for class_id, flag in zip(classes, unworkable, strict=True)}

    async def judge_forgotten(self, batch: int = PAGE) -> int:
        """Judge classes whose creator died before it did. How many there were."""
        classes = await self._link.call("ZRANGE", self._link.key("classes.unjudged"), 0, batch - 1)
        reads = [("HGET", self._link.key(f"class:{name.decode()}"), "requirements") for name in classes]
        found = dict(zip(classes, await self._link.read_many(reads), strict=True))
        lost = [name for name, canonical in found.items() if not canonical]
        if lost:
            await self._link.call("ZREM", self._link.key("classes.unjudged"), *lost)
        if len(lost) < len(found):
            await self.judge_new({name.decode(): text.decode() for name, text in found.items() if text})
        return len(classes)

    async def judge_profile(self, profile: str, number: int, offered: Capabilities) -> int:
        """Judge a new profile against every class, in rounds that never hold the loop for long; how many were."""
        judged = 0
        begin = await self._link.call("HGET", self._link.key(f"profile:{profile}"), "judged")
        after = begin.decode() if begin else "0"
        last, page = await self._unjudged(number, after)
        while int(last) > int(after):
            verdicts = [
                (class_id, profile, str(number), "1" if fits(requirements_of(canonical), offered) else "0")
                for class_id, canonical in page
            ]
            judged, after = judged + len(verdicts), last
            (last, page), _ = await asyncio.gather(
                self._unjudged(number, after),
                self._link.run("record_verdicts", verdicts, profile=profile, judged=after),
            )
        return judged

    async def judge_heads(self, classes: Sequence[str], profile: str, offered: Capabilities) -> None:
        """The fall-back of a claim: judge the classes that it met and nobody had judged for its profile.

        A class whose requirements are lost fits nobody: it must not stand in anybody's way.
        """
        number = await self._link.call("HGET", self._link.key("profiles"), profile)
        reads = [("HGET", self._link.key(f"class:{class_id}"), "requirements") for class_id in classes]
        found = await self._link.read_many(reads)
        verdicts = [
            (class_id, profile, number or b"", "1" if text and fits(requirements_of(text.decode()), offered) else "0")
            for class_id, text in zip(classes, found, strict=True)
        ]
        await self._record(verdicts)

    async def review(self) -> None:
        """Say anew which classes are unworkable, after the fleet changed."""
        after = "0"
        while after:
            after = (await self._link.run("review_classes", after=after, batch=PAGE)).decode()

    async def _record(self, verdicts: Iterable[tuple[str, str, str | bytes, str]]) -> None:
        ahead = iter(verdicts)
        while page := list(itertools.islice(ahead, PAGE)):
            await self._link.run("record_verdicts", page, profile="", judged="")

    async def _unjudged(self, number: int, after: str) -> tuple[str, list[tuple[str, str]]]:
        """The serial of the last class of a page, and those that are not judged."""
        answer = await self._link.run("unjudged_classes", number=number, after=after, batch=PAGE)
        flat = [text.decode() for text in answer[1:]]
        return answer[0].decode(), list(zip(flat[::2], flat[1::2], strict=True))

    async def _profiles_in_use(self) -> list[tuple[str, int, Capabilities]]:
        """Read once for each change of the fleet."""
        fleet = await self._link.call("GET", self._link.key("fleet"))
        if fleet != self._fleet:
            flat = await self._link.call("HGETALL", self._link.key("profiles"))
            numbers = dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
            reads = [("HGET", self._link.key(f"profile:{name.decode()}"), "capabilities") for name in numbers]
            texts = await self._link.read_many(reads)
            self._profiles = [
                (name.decode(), int(number), capabilities_of(text.decode()))
                for (name, number), text in zip(numbers.items(), texts, strict=True)
                if text
            ]
            self._fleet = fleet
        return self._profiles
