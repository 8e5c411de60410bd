"""The scripts' own order (`lua/lib/tick.lua`) is the domain's, to the last digit."""

import random

from emp_core.domain.ordering import EPOCH_MS, TICK_SPAN, TICKS_PER_MS, score, tick_at
from emp_core.store import Link
from emp_core.store.scripts import LUA

SCRIPT = f"""#!lua
local P, call = string.sub(KEYS[1], 1, -7), redis.call
{(LUA / "lib" / "now.lua").read_text()}
{(LUA / "lib" / "tick.lua").read_text()}
local asked = tonumber(ARGV[2])
local place = score_of(tonumber(ARGV[1]), asked)
return {{ place, string.format('%.0f', tick_of(place)), string.format('%.0f', tick_at(tonumber(ARGV[3]))),
  string.format('%.0f', next_tick()) }}
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
        found = await link.call("EVAL", SCRIPT, 1, link.key("schema"), priority, tick, time_ms)
        assert [int(number) for number in found[:3]] == [score(priority, tick), tick, tick_at(time_ms)]


async def test_the_next_tick_is_of_the_clock_and_later_than_the_last(link: Link) -> None:
    async def next_tick() -> int:
        return int((await link.call("EVAL", SCRIPT, 1, link.key("schema"), 0, 0, 0))[3])

    seconds, micros = await link.call("TIME")
    first, second = await next_tick(), await next_tick()
    assert tick_at(int(seconds) * 1000 + int(micros) / 1000) <= first < second
    await link.call("SET", link.key("tick"), first + 10**12)
    assert await next_tick() == first + 10**12 + 1
