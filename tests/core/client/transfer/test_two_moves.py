"""T23: two commands move jobs between the same queues at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

import pytest

from emp_core.client.redis_queue import RedisQueue
from emp_core.errors import Conflict
from emp_core.store import Link, Store
from tests.core.client.transfer.test_taking import emptied, runnable, take
from tests.support.builders import submit
from tests.support.snapshot import Look

NAMES = [f"job-{number}" for number in range(8)]
"""Four pairs of a parent and its child."""

ORDERS = 30
"""In which the calls of two commands can follow each other; a seed each."""


class Turns:
    """Lets one of two tasks call Redis at a time, for a few calls each, in the order of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._changed = asyncio.Condition()
        self._running: list[asyncio.Task[Any]] = []
        self._next: asyncio.Task[Any] | None = None
        self._left = 0

    async def run(self, *works: Coroutine[Any, Any, Any]) -> list[Any]:
        """What the works return or raise."""
        self._running = [asyncio.create_task(self._ended(work)) for work in works]
        self._draw()
        return await asyncio.gather(*self._running, return_exceptions=True)

    async def _ended(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        finally:
            async with self._changed:
                self._running = [task for task in self._running if task is not asyncio.current_task()]
                self._draw()

    def _draw(self) -> None:
        self._next = self._random.choice(self._running) if self._running else None
        self._left = self._random.randrange(1, 12)
        self._changed.notify_all() if self._changed.locked() else None

    async def wait(self) -> None:
        """Return when it is this task's turn."""
        me = asyncio.current_task()
        if me not in self._running:
            return
        async with self._changed:
            if self._left == 0:
                self._draw()
            await self._changed.wait_for(lambda: self._next is me)
            self._left -= 1


@pytest.fixture
def in_turns(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Turns]:
    def begin(seed: int) -> Turns:
        turns = Turns(seed)
        for name, call in calls.items():
            monkeypatch.setattr(Link, name, _waiting(turns, call))
        return turns

    calls = {name: getattr(Link, name) for name in ("run", "call", "read_many")}
    return begin


def _waiting(turns: Turns, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def in_turn(*arguments: Any, **named: Any) -> Any:
        await turns.wait()
        return await call(*arguments, **named)

    return in_turn


@pytest.mark.parametrize("refused", [False, True], ids=["all move", "one is refused"])
async def test_t23_two_commands_at_once_lose_no_job_and_double_none(
    refused: bool,
    in_turns: Callable[[int], Turns],
    queue: RedisQueue,
    store: Store,
    other: RedisQueue,
    other_store: Store,
    look: Look,
    other_look: Look,
) -> None:
    refused_group = set(NAMES[-2:])
    for seed in range(ORDERS):
        await emptied(store, other_store)
        for parent, child in zip(NAMES[::2], NAMES[1::2], strict=True):
            await submit(store, id=parent)
            await submit(store, id=child, depends_on=[parent])
        if refused:
            await submit(other_store, id=NAMES[-1], priority=1)
        said = await in_turns(seed).run(take(queue, other), take(queue, other))
        assert all(isinstance(each, tuple | Conflict) for each in said), said
        here, there = look().jobs().keys(), other_look().jobs().keys()
        assert here | there >= set(NAMES), f"seed {seed} loses jobs"
        await take(queue, other)
        assert runnable(look) == (refused_group if refused else set()), f"seed {seed}"
        assert runnable(other_look) == (({*NAMES} - refused_group | {NAMES[-1]}) if refused else set(NAMES)), (
            f"seed {seed}"
        )
