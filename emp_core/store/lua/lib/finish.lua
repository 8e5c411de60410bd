-- finish: the end of a job, and what follows for the jobs that depend on it (T18).
--
-- USES job pending limits
-- RARE parent_ended resolve_children

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

-- One parent of a blocked job has ended. True where the child ended with it.
local function parent_ended(id, outcome)
  local job = read_job(id)
  if not job or job.state ~= 'blocked' then return false end
  if outcome ~= 'completed' and job.on_dep ~= 'run' then
    unlist_waiting(id, job)
    transition(id, job, 'failed', 'failed', 'dependency', 'code', 'dependency', 'ended', now)
    set_aside(id, job)
    return true
  end
  job.waits = call('HINCRBY', P .. 'job:' .. id, 'waits', -1)
  if job.waits <= 0 then start_unblocked(id, job) end
  return false
end

-- Ends up to `budget` children, and theirs; parents with children left wait for a chore in `resolving`.
local function resolve_children(parent, outcome, budget)
  local open = { { parent, outcome } }
  while #open > 0 do
    local id, state = unpack(table.remove(open))
    local children = budget > 0 and call('SPOP', P .. 'job.children:' .. id, budget) or {}
    budget = budget - #children
    for _, child in ipairs(children) do
      if parent_ended(child, state) then open[#open + 1] = { child, 'failed' } end
    end
    if call('EXISTS', P .. 'job.children:' .. id) == 1 then call('HSET', P .. 'resolving', id, state) end
  end
  return budget
end

-- A job of which a script has seen that none depends on it.
local childless

-- How many children this call may still resolve, whoever their parents are.
local children_left = POLICY.children_inline

local function finish(id, job, state, code, ...)
  transition(id, job, state, state, code, 'ended', now_text, ...)
  if code then call('HSET', P .. 'job:' .. id, 'code', code) end
  set_aside(id, job)
  if id ~= childless and call('EXISTS', P .. 'job.children:' .. id) == 1 then
    children_left = resolve_children(id, state, children_left)
  end
end
