"""When Redis is asked how full it is."""

import pytest

from daemons.worker.agent.room import LOOK_SECONDS, Room
from emp_core.domain.policy import MAX_INLINE_RESULT, MAX_INLINE_RESULT_CROWDED
from emp_core.errors import AccessDenied, EmpError, QueueUnavailable
from tests.support.fakes import FrozenClock

LARGE = MAX_INLINE_RESULT_CROWDED + 1


class Share:
    """Says what it is told to, and counts."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)

    async def __call__(self) -> float:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_it_is_asked_only_for_a_result_that_matters() -> None:
    room = Room(Share(), FrozenClock())
    assert await room.has(MAX_INLINE_RESULT_CROWDED)
    assert not await room.has(MAX_INLINE_RESULT + 1)


async def test_an_answer_stands_for_five_seconds() -> None:
    clock = FrozenClock()
    room = Room(Share(0.95, 0.5), clock)
    assert not await room.has(LARGE)
    clock.advance(LOOK_SECONDS - 0.1)
    assert not await room.has(LARGE)
    clock.advance(0.1)
    assert await room.has(LARGE)


@pytest.mark.parametrize("error", [QueueUnavailable("redis_unavailable", "gone"), AccessDenied("another password")])
async def test_while_redis_is_away_the_last_answer_stands_and_the_next_result_asks_again(error: EmpError) -> None:
    clock = FrozenClock()
    room = Room(Share(0.95, error, 0.5), clock)
    assert not await room.has(LARGE)
    clock.advance(LOOK_SECONDS)
    assert not await room.has(LARGE)
    assert await room.has(LARGE)
