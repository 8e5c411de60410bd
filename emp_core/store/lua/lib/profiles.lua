-- profiles: each set of capabilities in use has a number, its place in the verdict bits, and counts its live workers.

local function open_profile(this, profile, capabilities, rank)
  local key = this.prefix .. 'profile:' .. profile
  local number = call('HGET', this.prefix .. 'profiles', profile)
  if not number then
    number = call('SPOP', this.prefix .. 'profiles.free')
      or call('HLEN', this.prefix .. 'profiles') + call('HLEN', this.prefix .. 'profiles.closing')
    call('HSET', this.prefix .. 'profiles', profile, number)
    call('HSET', key, 'capabilities', capabilities, 'rank', rank, 'slot', number)
    call('INCR', this.prefix .. 'fleet')
  end
  call('ZADD', this.prefix .. 'profiles.used', this.now, profile)
  return number
end

-- The fleet as far as `unworkable` goes: which profiles have a live worker.
local function count_worker(this, number, by)
  local left = tonumber(call('ZINCRBY', this.prefix .. 'profiles.workers', by, number))
  if left <= 0 then call('ZREM', this.prefix .. 'profiles.workers', number) end
  if left <= 0 or by > 0 and left == by then
    call('BITFIELD', this.prefix .. 'profiles.live', 'SET', 'u2', '#' .. number, left > 0 and 1 or 0)
    call('INCR', this.prefix .. 'fleet')
    call('SET', this.prefix .. 'fleet.changed', this.now)
  end
end

-- The worker runs no more: out of the fleet and the idle lists; what it was woken for goes to others. `gone` says how.
local function retire_worker(this, worker, gone, reason)
  local key = this.prefix .. 'worker:' .. worker
  local known = call('HMGET', key, 'alive', 'slot')
  call('ZREM', this.prefix .. 'workers', worker)
  call('HDEL', this.prefix .. 'workers.reserved', worker)
  if known[1] ~= '1' then return false end
  idle_workers.leave(this, worker)
  call('HSET', key, 'alive', 0, 'gone', gone, 'ended', this.now)
  if reason ~= '' then call('HSET', key, 'reason', reason) end
  call('ZADD', this.prefix .. 'workers.gone', this.now, worker)
  for _, id in ipairs(call('HVALS', this.prefix .. 'jobs:active:' .. worker)) do call('ZADD', this.prefix .. 'leases', 'NX', this.now, id) end
  count_worker(this, known[2], -1)
  waking.return_tokens(this, worker)
  if gone == 'stopped' then pending.review_avoided(this) end
  return true
end

-- No beat for its lease. Its jobs come back by their own leases; who waits for another worker is looked at afterwards.
local function lose_worker(this, worker)
  if retire_worker(this, worker, 'lost', '') then events.emit(this, 'worker_lost', '-', 0, 0, 'lost', worker) end
end

return {
  open_profile = open_profile,
  count_worker = count_worker,
  retire_worker = retire_worker,
  lose_worker = lose_worker,
}
