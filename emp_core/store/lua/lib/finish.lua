-- finish: the end of a job, and what follows for the jobs that depend on it (T18).
--
-- USES job pending limits
-- RARE resolve_children

local function set_aside(id, job)
  call('ZADD', P .. 'jobs:' .. job.state, now_text, id)
  if job.held then call('HDEL', P .. 'job:' .. id, 'held') end
end

local function start_unblocked(id, job)
  local ttl_at = math.max(now, tonumber(job.due) or 0) + (tonumber(job.ttl) or POLICY.queue_ttl_ms)
  call('ZREM', P .. 'blocked', id)
  call('HSET', P .. 'job:' .. id, 'times', times_with(job, ttl_at))
  watch_expiry(id, ttl_at, job.deadline)
  if (tonumber(job.due) or 0) > now then
    to_delayed(id, job, 'unblocked', nil, job.due)
  else
    to_pending(id, job, 'unblocked')
  end
end

-- How many children this call may still resolve, of all parents together.
local children_left = POLICY.children_inline

-- One parent of a blocked job has ended. Returns the job if it ends with it.
local function parent_ended(id, outcome)
  local job = read_job(id)
  if not job or job.state ~= 'blocked' then return nil end
  if outcome ~= 'completed' and job.on_dep ~= 'run' then
    unlist_waiting(id, job)
    transition(id, job, 'failed', 'failed', 'dependency', 'code', 'dependency', 'ended', now)
    set_aside(id, job)
    return job
  end
  job.waits = call('HINCRBY', P .. 'job:' .. id, 'waits', -1)
  if job.waits <= 0 then start_unblocked(id, job) end
end

-- Tells as many children of a set as the call may still resolve; adds those that end with their parent to `ended`.
local function tell_children(key, outcome, ended)
  local children = children_left > 0 and call('SPOP', key, children_left) or {}
  children_left = children_left - #children
  for _, child in ipairs(children) do
    local job = parent_ended(child, outcome)
    if job then ended[#ended + 1] = { child, job.gen or 0, 'failed' } end
  end
end

-- Children that are left go into a set of this end, for a chore: children that are registered after a retry follow the
-- next end.
local function leave_children(id, gen, state)
  if call('EXISTS', P .. 'job.children:' .. id) == 0 then return end
  call('RENAME', P .. 'job.children:' .. id, P .. 'job.children.left:' .. id .. '/' .. gen)
  call('HSET', P .. 'resolving', id .. '/' .. gen, state)
end

-- `ended`: { id, generation, state } of each.
local function resolve_children(ended)
  while #ended > 0 do
    local id, gen, state = unpack(table.remove(ended))
    tell_children(P .. 'job.children:' .. id, state, ended)
    leave_children(id, gen, state)
  end
end

-- A job of which a script has seen that none depends on it.
local childless

local function finish(id, job, state, code, ...)
  transition(id, job, state, state, code, 'ended', now_text, ...)
  if code then call('HSET', P .. 'job:' .. id, 'code', code) end
  set_aside(id, job)
  if id ~= childless and call('EXISTS', P .. 'job.children:' .. id) == 1 then
    local gen = job.gen or 0
    if children_left > 0 then resolve_children({ { id, gen, state } }) else leave_children(id, gen, state) end
  end
end
