-- pending: how a job enters and leaves the places where waiting jobs are listed.

-- Whether a live worker other than those to be avoided fits the class.
local function another_fits(this, class, avoid)
  local verdicts, live = call('GET', this.prefix .. 'class.verdicts:' .. class), call('GET', this.prefix .. 'profiles.live')
  if not verdicts or not live or not waking.any_common(verdicts, live) then return false end
  local others = 0
  for worker in string.gmatch(avoid, '%S+') do
    local known = call('HMGET', this.prefix .. 'worker:' .. worker, 'slot', 'alive')
    if known[2] == '1' and verdict_bits.read(this, class, tonumber(known[1])) == 3 then others = others - 1 end
  end
  for at = 1, math.min(#verdicts, #live) do
    local both = bit.band(string.byte(verdicts, at), string.byte(live, at))
    for number = 4 * (at - 1), both ~= 0 and 4 * at - 1 or -1 do
      if bit.band(both, 4 ^ (3 - number % 4)) ~= 0 then
        others = others + tonumber(call('ZSCORE', this.prefix .. 'profiles.workers', number) or 0)
        if others > 0 then return true end
      end
    end
  end
  return false
end

local function list_pending(this, id, job)
  if job.workflow then workflows.list(this, job.workflow, id, job.score) end
  heads.push_class(this, job.class, id, job.score)
  if not this.nobody_idle then waking.wake_for(this, job.class, job.customer, job.workflow) end
end

-- For up to a minute a returned job waits for another worker than those that failed it, if there is one.
local function list_avoided(this, id, job, avoid, until_ms)
  if job.workflow then call('ZADD', this.prefix .. 'workflow.pending:' .. job.workflow, job.score, id) end
  call('ZADD', this.prefix .. 'avoided', job.score, id)
  call('ZADD', this.prefix .. 'avoided.until', until_ms, id)
  waking.wake_for(this, job.class, job.customer, job.workflow, avoid)
end

local function avoided_is_full(this)
  return call('ZCARD', this.prefix .. 'avoided') >= policy.avoided_cap
end

-- Listed for other workers than those that should not run it, if there is one that can.
local function list_returned(this, id, job)
  if not avoided_is_full(this) and another_fits(this, job.class, job.avoid) then
    list_avoided(this, id, job, job.avoid, this.now + policy.avoid_ms)
  else
    list_pending(this, id, job)
  end
end

-- A job that some workers lack a node or a model for waits for another one as long as there is one.
local function end_avoiding(this, id)
  local job = jobs.read(this, id)
  call('ZREM', this.prefix .. 'avoided.until', id)
  if call('ZREM', this.prefix .. 'avoided', id) == 0 or not job then return end
  if job.lacking then list_returned(this, id, job) else list_pending(this, id, job) end
end

-- A job waits for another worker only while there is one.
local function review_avoided(this)
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'avoided', 0, -1)) do
    local known = jobs.peek(this, id, 'avoid')
    if known[1] and not another_fits(this, known[1], known[2] or '') then end_avoiding(this, id) end
  end
end

local function to_pending(this, id, job, name, code, ...)
  transitions.transition(this, id, job, 'pending', name, code, ...)
  if job.avoid then list_returned(this, id, job) else list_pending(this, id, job) end
end

local function unlist_pending(this, id, job)
  if job.workflow then call('ZREM', this.prefix .. 'workflow.pending:' .. job.workflow, id) end
  if call('ZREM', this.prefix .. 'jobs:pending:' .. job.class, id) == 1 then
    heads.refresh_head(this, job.class)
  elseif call('ZREM', this.prefix .. 'avoided', id) == 1 then
    call('ZREM', this.prefix .. 'avoided.until', id)
  end
end

local function to_delayed(this, id, job, name, code, due, ...)
  call('ZADD', this.prefix .. 'delayed', due, id)
  transitions.transition(this, id, job, 'delayed', name, code, 'due', due, ...)
end

-- Out of every list of waiting jobs, whatever it waits for.
local function unlist_waiting(this, id, job)
  if job.state == 'pending' then
    unlist_pending(this, id, job)
  elseif job.state == 'delayed' then
    call('ZREM', this.prefix .. (job.held and 'held' or 'delayed'), id)
  else
    call('ZREM', this.prefix .. 'blocked', id)
  end
  call('ZREM', this.prefix .. 'expiry', id)
end

-- A job not started by then fails as `expired`; both limits end with the first start.
local function watch_expiry(this, id, ttl_at, deadline)
  local at = math.min(tonumber(ttl_at) or math.huge, tonumber(deadline) or math.huge)
  if at == math.huge then return end
  if this.grows then
    writes.later(this, 'ZADD', this.prefix .. 'expiry', int(at), id)
  else
    call('ZADD', this.prefix .. 'expiry', int(at), id)
  end
end

-- A held job goes back to its old place, or on waiting for its time; the time in which it must start runs on.
local function end_hold(this, id, job, ...)
  unlist_waiting(this, id, job)
  call('HDEL', this.prefix .. 'job:' .. id, 'held', 'ttl_left')
  job.held = nil
  local ttl_at = this.now + (tonumber(job.ttl_left) or policy.queue_ttl_ms)
  if not job.began then watch_expiry(this, id, ttl_at, job.deadline) end
  if (tonumber(job.due) or 0) > this.now then
    to_delayed(this, id, job, 'unheld', nil, job.due, 'times', jobs.times_with(this, job, ttl_at), ...)
  else
    to_pending(this, id, job, 'unheld', nil, 'times', jobs.times_with(this, job, ttl_at), ...)
  end
end

return {
  another_fits = another_fits,
  list_pending = list_pending,
  list_avoided = list_avoided,
  avoided_is_full = avoided_is_full,
  end_avoiding = end_avoiding,
  review_avoided = review_avoided,
  to_pending = to_pending,
  unlist_pending = unlist_pending,
  to_delayed = to_delayed,
  unlist_waiting = unlist_waiting,
  watch_expiry = watch_expiry,
  end_hold = end_hold,
}
