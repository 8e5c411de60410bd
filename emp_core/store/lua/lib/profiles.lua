-- profiles: each set of capabilities in use has a number, its place in the verdict bits, and counts its live workers.
--
-- USES idle wake transition pending

local function open_profile(profile, capabilities, rank)
  local key = P .. 'profile:' .. profile
  local number = call('HGET', P .. 'profiles', profile)
  if not number then
    number = call('SPOP', P .. 'profiles.free') or call('HLEN', P .. 'profiles') + call('HLEN', P .. 'profiles.closing')
    call('HSET', P .. 'profiles', profile, number)
    call('HSET', key, 'capabilities', capabilities, 'rank', rank, 'slot', number)
    call('INCR', P .. 'fleet')
  end
  call('ZADD', P .. 'profiles.used', now, profile)
  return number
end

-- The fleet as far as `unworkable` goes: which profiles have a live worker.
local function count_worker(number, by)
  local left = tonumber(call('ZINCRBY', P .. 'profiles.workers', by, number))
  if left <= 0 then call('ZREM', P .. 'profiles.workers', number) end
  if left <= 0 or by > 0 and left == by then
    call('BITFIELD', P .. 'profiles.live', 'SET', 'u2', '#' .. number, left > 0 and 1 or 0)
    call('INCR', P .. 'fleet')
    call('SET', P .. 'fleet.changed', now)
  end
end

-- The worker runs no more: out of the fleet and the idle lists; what it was woken for goes to others. `gone` says how.
local function retire_worker(worker, gone, reason)
  local key = P .. 'worker:' .. worker
  local known = call('HMGET', key, 'alive', 'slot')
  call('ZREM', P .. 'workers', worker)
  call('HDEL', P .. 'workers.reserved', worker)
  if known[1] ~= '1' then return false end
  leave_idle(worker)
  call('HSET', key, 'alive', 0, 'gone', gone, 'ended', now)
  if reason ~= '' then call('HSET', key, 'reason', reason) end
  call('ZADD', P .. 'workers.gone', now, worker)
  for _, id in ipairs(call('HVALS', P .. 'jobs:active:' .. worker)) do call('ZADD', P .. 'leases', 'NX', now, id) end
  count_worker(known[2], -1)
  return_tokens(worker)
  if gone == 'stopped' then review_avoided() end
  return true
end

-- No beat for its lease. Its jobs come back by their own leases; who waits for another worker is looked at afterwards.
local function lose_worker(worker)
  if retire_worker(worker, 'lost', '') then emit('worker_lost', '-', 0, 0, 'lost', worker) end
end
