"""The library's own order (`lua/lib/scores.lua`) is the domain's, to the last digit."""

import random

from emp_core.domain.ordering import EPOCH_MS, TICK_SPAN, TICKS_PER_MS, score, tick_at
from emp_core.domain.policy import backoff_ms
from emp_core.store import Link
from tests.support.changed_library import ask

PLACE = """
local place = scores.score_of(tonumber(args[1]), tonumber(args[2]))
local at = scores.tick_at(tonumber(args[3]))
return { place, int(scores.priority_of(place)), int(scores.tick_of(place)), int(at), int(scores.next_tick(this)) }
"""

LAST_MS = EPOCH_MS + TICK_SPAN // TICKS_PER_MS


def places() -> list[tuple[int, int, int]]:
    """Priority, tick, time: the corners, and some between."""
    dice = random.Random(0)
    corners = [(priority, tick) for priority in (0, 1, 50, 100) for tick in (0, 1, TICK_SPAN // 2, TICK_SPAN - 1)]
    corners += [(dice.randint(0, 100), dice.randrange(TICK_SPAN)) for _ in range(200)]
    times = [0, EPOCH_MS, EPOCH_MS + 1, LAST_MS - 1, LAST_MS, LAST_MS + 10**9]
    return [(*corner, dice.choice(times + [dice.randint(EPOCH_MS, LAST_MS)] * 6)) for corner in corners]


async def test_score_and_tick_agree(link: Link) -> None:
    for priority, tick, time_ms in places():
        found = await ask(link, PLACE, priority, tick, time_ms)
        assert [int(number) for number in found[:4]] == [score(priority, tick), priority, tick, tick_at(time_ms)]


async def test_the_next_tick_is_of_the_clock_and_later_than_the_last(link: Link) -> None:
    async def next_tick() -> int:
        return int((await ask(link, PLACE, 0, 0, 0))[4])

    seconds, micros = await link.call("TIME")
    first, second = await next_tick(), await next_tick()
    assert tick_at(int(seconds) * 1000 + int(micros) / 1000) <= first < second
    await link.call("SET", link.key("tick"), first + 10**12)
    assert await next_tick() == first + 10**12 + 1


async def test_the_properties_of_a_score_hold_for_what_redis_makes_of_it(link: Link) -> None:
    """Higher priority first, then the older; neighbours are told apart."""
    some = sorted({(-priority, tick) for priority, tick, _ in places()})
    made = [await ask(link, PLACE, -priority, tick, 0) for priority, tick in some]
    scores = [float(found[0]) for found in made]
    assert scores == sorted(set(scores), reverse=True)
    assert [(-int(found[1]), int(found[2])) for found in made] == some


async def test_the_pause_after_a_failure_is_the_policys(link: Link) -> None:
    pause = "return tostring(policy.backoff_ms(tonumber(args[1]), tonumber(args[2])))"
    for failures in (1, 2, 6, 7, 8, 100):
        for jitter in (0.5, 1.0, 1.5):
            paused = float(await ask(link, pause, failures, jitter))
            assert paused == backoff_ms(failures, jitter)
