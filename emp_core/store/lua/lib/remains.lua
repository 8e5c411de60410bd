-- remains: what to do with a job whose hash is gone or cannot be read.
--
-- USES job finish
-- RARE quarantine leave_lists leave_indexes forget_remains

local job_parts = { 'job:', 'job.payload:', 'job.result:', 'job.log:', 'job.attempts:', 'job.events:' }

-- Set aside for the janitor; a job that cannot be read counts nowhere. `was`: the waiting state of its list, or nil.
local function quarantine(id, was, why)
  call('HSET', P .. 'quarantine', id, why)
  if not read_job(id) then count(was, nil) end
end

local function leave_lists(id)
  for list, state in pairs({ delayed = 'delayed', held = 'delayed', blocked = 'blocked', avoided = 'pending' }) do
    if call('ZREM', P .. list, id) == 1 then count(state, nil) end
  end
  for _, list in ipairs({ 'leases', 'timeouts', 'expiry', 'avoided.until' }) do call('ZREM', P .. list, id) end
  for _, list in ipairs({ 'completed', 'failed', 'cancelled' }) do call('ZREM', P .. 'jobs:' .. list, id) end
end

-- Out of the lists by which filters find jobs. `labels`: a line `name=value` each.
local function leave_indexes(id, class, worker, labels)
  if class then call('ZREM', P .. 'class.jobs:' .. class, id) end
  for label in string.gmatch(labels or '', '[^\n]+') do call('ZREM', P .. 'label.jobs:' .. label, id) end
  if not worker or call('ZREM', P .. 'worker.jobs:' .. worker, id) == 0 then return end
  if call('EXISTS', P .. 'worker.jobs:' .. worker, P .. 'worker:' .. worker) == 0 then
    call('SREM', P .. 'workers.named', worker)
  end
end

-- Its parts, its listings and its place among the ids; the jobs that wait for it fail. What its hash no longer tells
-- leaves entries in lists for filters, whose readers skip an id without a job.
local function forget_remains(id)
  leave_lists(id)
  local known = peek_job(id, 'worker', 'labels')
  leave_indexes(id, known[1], known[2], known[3])
  resolve_children({ { id, 'damaged', 'failed' } })
  for _, part in ipairs(job_parts) do call('UNLINK', P .. part .. id) end
  call('HDEL', P .. 'quarantine', id)
  return call('ZREM', P .. 'ids:' .. string.sub(id, 1, 4), id)
end

local function forget_workflow(id, workflow)
  call('ZREM', P .. 'workflow.jobs:' .. workflow, id)
  if call('HINCRBY', P .. 'workflow:' .. workflow, 'jobs', -1) <= 0 then call('DEL', P .. 'workflow:' .. workflow) end
end

-- A job that is in no list of its state any more; its idempotency key stays for a day. `left`: the last that is known of
-- it, for a day; false: nothing.
local function forget_job(id, job, left)
  count(job.state, nil)
  if job.workflow then forget_workflow(id, job.workflow) end
  if call('HINCRBY', P .. 'class:' .. job.class, 'jobs', -1) <= 0 then
    call('ZADD', P .. 'classes.empty', now, job.class)
  end
  call('ZREM', P .. 'ids:' .. string.sub(id, 1, 4), id)
  leave_indexes(id, job.class, job.worker, job.labels)
  if left then
    call('SET', P .. 'job.gone:' .. id, job.customer and left .. ' ' .. job.customer or left, 'PX', POLICY.idempotency_ms)
  end
  if job.idem then
    call('PEXPIRE', P .. 'idempotency:' .. (job.customer or '') .. '/' .. job.idem, POLICY.idempotency_ms)
  end
  for _, part in ipairs(job_parts) do call('UNLINK', P .. part .. id) end
  emit('deleted', id, job.gen, job.ver + 1, 'deleted', nil, job.attempt, nil, job.signed or job.customer)
end
