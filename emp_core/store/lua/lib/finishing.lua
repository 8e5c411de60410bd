-- finishing: the end of a job, and what follows for the jobs that depend on it (T18).

local function set_aside(this, id, job)
  writes.later(this, 'ZADD', this.prefix .. 'jobs:' .. job.state, this.now_text, id)
  if job.held then call('HDEL', this.prefix .. 'job:' .. id, 'held') end
end

local function start_unblocked(this, id, job)
  local ttl_at = math.max(this.now, tonumber(job.due) or 0) + (tonumber(job.ttl) or policy.queue_ttl_ms)
  call('ZREM', this.prefix .. 'blocked', id)
  call('HSET', this.prefix .. 'job:' .. id, 'times', jobs.times_with(this, job, ttl_at))
  pending.watch_expiry(this, id, ttl_at, job.deadline)
  if (tonumber(job.due) or 0) > this.now then
    pending.to_delayed(this, id, job, 'unblocked', nil, job.due)
  else
    pending.to_pending(this, id, job, 'unblocked')
  end
end

-- One parent of a blocked job has ended. Returns the job if it ends with it.
local function parent_ended(this, id, outcome)
  local job = jobs.read(this, id)
  if not job or job.state ~= 'blocked' then return nil end
  if outcome ~= 'completed' and job.on_dep ~= 'run' then
    pending.unlist_waiting(this, id, job)
    transitions.transition(this, id, job, 'failed', 'failed', 'dependency', 'code', 'dependency', 'ended', this.now)
    set_aside(this, id, job)
    return job
  end
  job.waits = call('HINCRBY', this.prefix .. 'job:' .. id, 'waits', -1)
  if job.waits <= 0 then start_unblocked(this, id, job) end
end

-- Tells as many children of a set as the call may still resolve; adds those that end with their parent to `ended`.
local function tell_children(this, key, outcome, ended)
  local children = this.children_left > 0 and call('SPOP', key, this.children_left) or {}
  this.children_left = this.children_left - #children
  for _, child in ipairs(children) do
    local job = parent_ended(this, child, outcome)
    if job then ended[#ended + 1] = { child, job.gen or 0, 'failed' } end
  end
end

-- Children that are left go into a set of this end, for a chore: children that are registered after a retry follow the
-- next end.
local function leave_children(this, id, gen, state)
  if call('EXISTS', this.prefix .. 'job.children:' .. id) == 0 then return end
  call('RENAME', this.prefix .. 'job.children:' .. id, this.prefix .. 'job.children.left:' .. id .. '/' .. gen)
  call('HSET', this.prefix .. 'resolving', id .. '/' .. gen, state)
end

-- `ended`: { id, generation, state } of each.
local function resolve_children(this, ended)
  while #ended > 0 do
    local id, gen, state = unpack(table.remove(ended))
    tell_children(this, this.prefix .. 'job.children:' .. id, state, ended)
    leave_children(this, id, gen, state)
  end
end

local function finish(this, id, job, state, code, ...)
  transitions.transition(this, id, job, state, state, code, 'ended', this.now_text, ...)
  if code then call('HSET', this.prefix .. 'job:' .. id, 'code', code) end
  set_aside(this, id, job)
  if not this.childless and call('EXISTS', this.prefix .. 'job.children:' .. id) == 1 then
    local gen = job.gen or 0
    if this.children_left > 0 then resolve_children(this, { { id, gen, state } }) else leave_children(this, id, gen, state) end
  end
end

return {
  set_aside = set_aside,
  tell_children = tell_children,
  resolve_children = resolve_children,
  finish = finish,
}
