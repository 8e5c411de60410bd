-- remains: what to do with a job whose hash is gone or cannot be read.

local job_parts = { 'job:', 'job.payload:', 'job.result:', 'job.log:', 'job.attempts:', 'job.events:' }

-- Set aside for the janitor; a job that cannot be read counts nowhere. `was`: the waiting state of its list, or nil.
local function quarantine(this, id, was, why)
  call('HSET', this.prefix .. 'quarantine', id, why)
  if not jobs.read(this, id) then counters.count(this, was, nil) end
end

local function leave_lists(this, id)
  for list, state in pairs({ delayed = 'delayed', held = 'delayed', blocked = 'blocked', avoided = 'pending' }) do
    if call('ZREM', this.prefix .. list, id) == 1 then counters.count(this, state, nil) end
  end
  for _, list in ipairs({ 'leases', 'timeouts', 'expiry', 'avoided.until' }) do call('ZREM', this.prefix .. list, id) end
  for _, list in ipairs({ 'completed', 'failed', 'cancelled' }) do call('ZREM', this.prefix .. 'jobs:' .. list, id) end
end

-- Out of the list of the worker that claimed it last; a worker that is forgotten keeps its name while it has such a list.
local function leave_claimer(this, id, worker)
  if call('ZREM', this.prefix .. 'worker.jobs:' .. worker, id) == 0 then return end
  if call('EXISTS', this.prefix .. 'worker.jobs:' .. worker, this.prefix .. 'worker:' .. worker) == 0 then
    call('SREM', this.prefix .. 'workers.named', worker)
  end
end

-- Out of the lists by which filters find jobs. `labels`: a line `name=value` each.
local function leave_indexes(this, id, class, worker, labels)
  if class then call('ZREM', this.prefix .. 'class.jobs:' .. class, id) end
  for label in string.gmatch(labels or '', '[^\n]+') do call('ZREM', this.prefix .. 'label.jobs:' .. label, id) end
  if worker then leave_claimer(this, id, worker) end
end

-- Its parts, its listings and its place among the ids; the jobs that wait for it fail. What its hash no longer tells
-- leaves entries in lists for filters, whose readers skip an id without a job.
local function forget_remains(this, id)
  leave_lists(this, id)
  local known = jobs.peek(this, id, 'worker', 'labels')
  leave_indexes(this, id, known[1], known[2], known[3])
  finishing.resolve_children(this, { { id, 'damaged', 'failed' } })
  for _, part in ipairs(job_parts) do call('UNLINK', this.prefix .. part .. id) end
  call('HDEL', this.prefix .. 'quarantine', id)
  return call('ZREM', this.prefix .. 'ids:' .. string.sub(id, 1, 4), id)
end

local function forget_workflow(this, id, workflow)
  call('ZREM', this.prefix .. 'workflow.jobs:' .. workflow, id)
  if call('HINCRBY', this.prefix .. 'workflow:' .. workflow, 'jobs', -1) <= 0 then call('DEL', this.prefix .. 'workflow:' .. workflow) end
end

-- A job that is in no list of its state any more; its idempotency key stays for a day. `left`: the last that is known of
-- it, for a day; false: nothing.
local function forget_job(this, id, job, left)
  counters.count(this, job.state, nil)
  if job.workflow then forget_workflow(this, id, job.workflow) end
  if call('HINCRBY', this.prefix .. 'class:' .. job.class, 'jobs', -1) <= 0 then
    call('ZADD', this.prefix .. 'classes.empty', this.now, job.class)
  end
  call('ZREM', this.prefix .. 'ids:' .. string.sub(id, 1, 4), id)
  leave_indexes(this, id, job.class, job.worker, job.labels)
  if left then
    call('SET', this.prefix .. 'job.gone:' .. id, job.customer and left .. ' ' .. job.customer or left, 'PX', policy.idempotency_ms)
  end
  if job.idem then
    call('PEXPIRE', this.prefix .. 'idempotency:' .. (job.customer or '') .. '/' .. job.idem, policy.idempotency_ms)
  end
  for _, part in ipairs(job_parts) do call('UNLINK', this.prefix .. part .. id) end
  events.emit(this, 'deleted', id, job.gen, job.ver + 1, 'deleted', nil, job.attempt, nil, job.signed or job.customer)
end

return {
  quarantine = quarantine,
  leave_lists = leave_lists,
  leave_claimer = leave_claimer,
  forget_remains = forget_remains,
  forget_job = forget_job,
}
