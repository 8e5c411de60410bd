"""Moves every time that is stored, as if Redis's clock had gone on."""

from collections.abc import Iterable, Mapping

from emp_core.store import Link
from tests.core.store.machine.records import LEASE_MS

SHIFT = """#!lua
local P, by, seen = string.sub(KEYS[1], 1, -7), tonumber(ARGV[1]), tonumber(ARGV[2])
for _, key in ipairs({ 'leases', 'timeouts', 'delayed', 'expiry', 'avoided.until', 'workers' }) do
  local found = redis.call('ZRANGE', P .. key, 0, -1, 'WITHSCORES')
  for i = 1, #found, 2 do redis.call('ZADD', P .. key, found[i + 1] - by, found[i]) end
end
local function list_anew(id, job)
  local class, created = string.match(job[1], '^%S+'), string.match(job[2], '^%d+')
  redis.call('ZADD', P .. 'class.jobs:' .. class, 'XX', created, id)
  if job[3] then redis.call('ZADD', P .. 'worker.jobs:' .. job[3], 'XX', created, id) end
end
for i = 3, #ARGV do
  local key = P .. 'job:' .. ARGV[i]
  for _, field in ipairs({ 'stalls', 'due', 'deadline', 'times', 'claim' }) do
    local held = redis.call('HGET', key, field)
    local back = held and string.gsub(held, '%f[%w]%d%d%d%d%d%d%d%d%d%d%d%d%d%f[%W]', function(at)
      return string.format('%d', at - by)
    end)
    if held then redis.call('HSET', key, field, back) end
  end
  for label in string.gmatch(redis.call('HGET', key, 'labels') or '', '[^\\n]+') do
    redis.call('ZINCRBY', P .. 'label.jobs:' .. label, -by, ARGV[i])
  end
  local job = redis.call('HMGET', key, 'spec', 'times', 'worker')
  if job[1] then list_anew(ARGV[i], job) end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', P .. 'seen', now - seen)
return now
"""

CHORES_DUE_MS = 200
"""So long ago were the last chores: a claim or a beat may do some, and nobody speaks of an outage."""


async def shift(link: Link, jobs: Iterable[str], ms: int, *, seen_ms: int = CHORES_DUE_MS) -> int:
    """Move all times of these jobs and of the workers back by `ms`. Redis's time now."""
    now: int = await link.call("EVAL", SHIFT, 1, link.key("schema"), ms, seen_ms, *jobs)
    return now


async def keep_beating(link: Link, now: int, beating: Mapping[str, Iterable[str]]) -> None:
    """As if these workers had beaten all the while, for these jobs of theirs."""
    for worker, jobs in beating.items():
        await link.call("ZADD", link.key("workers"), "XX", now + LEASE_MS, worker)
        for job in jobs:
            await link.call("ZADD", link.key("leases"), "XX", now + LEASE_MS, job)
