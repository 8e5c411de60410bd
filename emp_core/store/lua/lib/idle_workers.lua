-- idle_workers: the workers that found nothing and wait to be woken, by profile number. A worker that may take only some jobs
-- (reserved for a workflow, or at its limit of customers) waits under those names instead: `workflow:x`, `customer:y`.

local function leave_reserved(this, worker, names)
  for name in string.gmatch(names, '%S+') do
    call('ZREM', this.prefix .. 'idle.reserved:' .. name, worker)
    if call('EXISTS', this.prefix .. 'idle.reserved:' .. name) == 0 then call('SREM', this.prefix .. 'idle.names', name) end
  end
end

local function leave(this, worker)
  local known = not this.nobody_idle and call('HGET', this.prefix .. 'idle.where', worker)
  if not known then return end
  call('HDEL', this.prefix .. 'idle.where', worker)
  local number, names = string.match(known, '^(%d+) (.*)$')
  if names ~= '' then return leave_reserved(this, worker, names) end
  call('ZREM', this.prefix .. 'idle.workers:' .. number, worker)
  if call('EXISTS', this.prefix .. 'idle.workers:' .. number) == 0 then
    call('ZREM', this.prefix .. 'idle', number)
    call('BITFIELD', this.prefix .. 'idle.bits', 'SET', 'u2', '#' .. number, 0)
  end
end

local function join(this, worker, number, names)
  local where = number .. ' ' .. names
  if call('HGET', this.prefix .. 'idle.where', worker) == where then return end
  leave(this, worker)
  this.nobody_idle = false
  call('HSET', this.prefix .. 'idle.where', worker, where)
  for name in string.gmatch(names, '%S+') do
    call('ZADD', this.prefix .. 'idle.reserved:' .. name, this.now, worker)
    call('SADD', this.prefix .. 'idle.names', name)
  end
  if names ~= '' then return end
  call('ZADD', this.prefix .. 'idle.workers:' .. number, this.now, worker)
  call('ZADD', this.prefix .. 'idle', call('HGET', this.prefix .. 'worker:' .. worker, 'rank') or 0, number)
  call('BITFIELD', this.prefix .. 'idle.bits', 'SET', 'u2', '#' .. number, 1)
end

return {
  leave = leave,
  join = join,
}
