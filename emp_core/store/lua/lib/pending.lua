-- pending: how a job enters and leaves the places where waiting jobs are listed.
--
-- USES job transition heads wake
-- RARE list_avoided another_fits avoided_is_full end_avoiding review_avoided list_returned to_delayed unlist_waiting end_hold

-- Whether a live worker other than those to be avoided fits the class.
local function another_fits(class, avoid)
  local verdicts, live = call('GET', P .. 'class.verdicts:' .. class), call('GET', P .. 'profiles.live')
  if not verdicts or not live or not any_common(verdicts, live) then return false end
  local others = 0
  for worker in string.gmatch(avoid, '%S+') do
    local known = call('HMGET', P .. 'worker:' .. worker, 'slot', 'alive')
    if known[2] == '1' and verdict_of(class, tonumber(known[1])) == 3 then others = others - 1 end
  end
  for at = 1, math.min(#verdicts, #live) do
    local both = bit.band(string.byte(verdicts, at), string.byte(live, at))
    for number = 4 * (at - 1), both ~= 0 and 4 * at - 1 or -1 do
      if bit.band(both, 4 ^ (3 - number % 4)) ~= 0 then
        others = others + tonumber(call('ZSCORE', P .. 'profiles.workers', number) or 0)
        if others > 0 then return true end
      end
    end
  end
  return false
end

local function list_pending(id, job)
  if job.workflow then call('ZADD', P .. 'workflow.pending:' .. job.workflow, job.score, id) end
  push_class(job.class, id, job.score)
  if not nobody_idle then wake_for(job.class, job.customer, job.workflow) end
end

-- For up to a minute a returned job waits for another worker than those that failed it, if there is one.
local function list_avoided(id, job, avoid, until_ms)
  if job.workflow then call('ZADD', P .. 'workflow.pending:' .. job.workflow, job.score, id) end
  call('ZADD', P .. 'avoided', job.score, id)
  call('ZADD', P .. 'avoided.until', until_ms, id)
  wake_for(job.class, job.customer, job.workflow, avoid)
end

local function avoided_is_full()
  return call('ZCARD', P .. 'avoided') >= POLICY.avoided_cap
end

-- Where it should not run, if another worker can take it.
local function list_returned(id, job)
  if not avoided_is_full() and another_fits(job.class, job.avoid) then
    list_avoided(id, job, job.avoid, now + POLICY.avoid_ms)
  else
    list_pending(id, job)
  end
end

-- A job that some workers lack a node or a model for waits for another one as long as there is one.
local function end_avoiding(id)
  local job = read_job(id)
  call('ZREM', P .. 'avoided.until', id)
  if call('ZREM', P .. 'avoided', id) == 0 or not job then return end
  if job.lacking then list_returned(id, job) else list_pending(id, job) end
end

-- A job waits for another worker only while there is one.
local function review_avoided()
  for _, id in ipairs(call('ZRANGE', P .. 'avoided', 0, -1)) do
    local known = peek_job(id, 'avoid')
    if known[1] and not another_fits(known[1], known[2] or '') then end_avoiding(id) end
  end
end

local function to_pending(id, job, name, code, ...)
  transition(id, job, 'pending', name, code, ...)
  if job.avoid then list_returned(id, job) else list_pending(id, job) end
end

local function unlist_pending(id, job)
  if job.workflow then call('ZREM', P .. 'workflow.pending:' .. job.workflow, id) end
  if call('ZREM', P .. 'jobs:pending:' .. job.class, id) == 1 then
    refresh_head(job.class)
  elseif call('ZREM', P .. 'avoided', id) == 1 then
    call('ZREM', P .. 'avoided.until', id)
  end
end

local function to_delayed(id, job, name, code, due, ...)
  call('ZADD', P .. 'delayed', due, id)
  transition(id, job, 'delayed', name, code, 'due', due, ...)
end

-- Out of every list of waiting jobs, whatever it waits for.
local function unlist_waiting(id, job)
  if job.state == 'pending' then
    unlist_pending(id, job)
  elseif job.state == 'delayed' then
    call('ZREM', P .. (job.held and 'held' or 'delayed'), id)
  else
    call('ZREM', P .. 'blocked', id)
  end
  call('ZREM', P .. 'expiry', id)
end

-- A job not started by then fails as `expired`; both limits end with the first start.
local function watch_expiry(id, ttl_at, deadline)
  local at = math.min(tonumber(ttl_at) or math.huge, tonumber(deadline) or math.huge)
  if at < math.huge then call('ZADD', P .. 'expiry', int(at), id) end
end

-- A held job goes back to its old place, or on waiting for its time; the time in which it must start runs on.
local function end_hold(id, job, ...)
  unlist_waiting(id, job)
  call('HDEL', P .. 'job:' .. id, 'held', 'ttl_left')
  job.held = nil
  local ttl_at = now + (tonumber(job.ttl_left) or POLICY.queue_ttl_ms)
  if not job.began then watch_expiry(id, ttl_at, job.deadline) end
  if (tonumber(job.due) or 0) > now then
    to_delayed(id, job, 'unheld', nil, job.due, 'times', times_with(job, ttl_at), ...)
  else
    to_pending(id, job, 'unheld', nil, 'times', times_with(job, ttl_at), ...)
  end
end
