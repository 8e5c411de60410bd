-- idle: the workers that found nothing and wait to be woken, by profile number. A worker that may take only some jobs
-- (reserved for a workflow, or at its limit of customers) waits under those names instead: `workflow:x`, `customer:y`.
--
-- RARE leave_reserved join_idle

local function leave_reserved(worker, names)
  for name in string.gmatch(names, '%S+') do
    call('ZREM', P .. 'idle.reserved:' .. name, worker)
    if call('EXISTS', P .. 'idle.reserved:' .. name) == 0 then call('SREM', P .. 'idle.names', name) end
  end
end

-- Set where a script has seen that nobody waits.
local nobody_idle = false

local function leave_idle(worker)
  local known = not nobody_idle and call('HGET', P .. 'idle.where', worker)
  if not known then return end
  call('HDEL', P .. 'idle.where', worker)
  local number, names = string.match(known, '^(%d+) (.*)$')
  if names ~= '' then return leave_reserved(worker, names) end
  call('ZREM', P .. 'idle.workers:' .. number, worker)
  if call('EXISTS', P .. 'idle.workers:' .. number) == 0 then
    call('ZREM', P .. 'idle', number)
    call('BITFIELD', P .. 'idle.bits', 'SET', 'u2', '#' .. number, 0)
  end
end

local function join_idle(worker, number, names)
  local where = number .. ' ' .. names
  if call('HGET', P .. 'idle.where', worker) == where then return end
  leave_idle(worker)
  nobody_idle = false
  call('HSET', P .. 'idle.where', worker, where)
  for name in string.gmatch(names, '%S+') do
    call('ZADD', P .. 'idle.reserved:' .. name, now, worker)
    call('SADD', P .. 'idle.names', name)
  end
  if names ~= '' then return end
  call('ZADD', P .. 'idle.workers:' .. number, now, worker)
  call('ZADD', P .. 'idle', call('HGET', P .. 'worker:' .. worker, 'rank') or 0, number)
  call('BITFIELD', P .. 'idle.bits', 'SET', 'u2', '#' .. number, 1)
end
