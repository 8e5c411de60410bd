-- submitting: one job of a batch.

-- The answer about a job that is stored: its state, and if it waits whether a worker fits it now. A conflict needs the
-- stored digest, because the caller knows how earlier versions made digests. Of another customer's job it says nothing:
-- equal requests of two customers have one digest if the customer was filled in.
local function stored_answer(this, id, r, digest)
  local stored = call('HMGET', this.prefix .. 'job:' .. id, 'spec', 'state', 'customer')
  if stored[2] and (stored[3] or nil) ~= r.customer then return { 'conflict', id, '-', 'judged', '' } end
  local class = jobs.waits(stored[2]) and jobs.read_spec(stored[1])
  local unworkable = class and call('SISMEMBER', this.prefix .. 'classes.unworkable', class) == 1
  digest = digest or string.match(stored[1] or '', '%S+$') or ''
  local word = digest == r.digest and 'already' or 'conflict'
  return { word, id, stored[2] or 'deleted', unworkable and 'unworkable' or 'judged', digest }
end

-- Looks for all jobs of a call at once: in most calls none of them is there.
local function look_for(this, records)
  local keys = {}
  for _, r in ipairs(records) do
    keys[#keys + 1] = this.prefix .. 'job:' .. r.id
    keys[#keys + 1] = this.prefix .. 'job.gone:' .. r.id
  end
  this.new = keys[1] and call('EXISTS', unpack(keys)) == 0 and {} or nil
end

-- Whether no job has the id. Two records of one call may have the same.
local function is_new(this, id)
  if not this.new or this.new[id] then
    return call('EXISTS', this.prefix .. 'job:' .. id, this.prefix .. 'job.gone:' .. id) == 0
  end
  this.new[id] = true
  return true
end

-- The answer about the job under the request's id or idempotency key; nil if there is none.
local function known_answer(this, r)
  local id = r.id
  if r.idem then
    local stored = call('GET', this.prefix .. 'idempotency:' .. (r.customer or '') .. '/' .. r.idem)
    local of, digest = string.match(stored or '', '^(%S+) (%S+)$')
    if of then return stored_answer(this, of, r, digest) end
  end
  if is_new(this, id) then return nil end
  if call('HEXISTS', this.prefix .. 'job:' .. id, 'state') == 1 then return stored_answer(this, id, r) end
  return call('EXISTS', this.prefix .. 'job.gone:' .. id) == 1 and { 'deleted', id } or nil
end

-- Waiting jobs in the queue: read once, then counted along.

local function read_waiting(this)
  if call('EXISTS', this.prefix .. 'classes.unworkable', this.prefix .. 'limits', this.prefix .. 'idle.where') == 0 then
    this.all_workable, this.no_limits, this.nobody_idle, this.grows = true, true, true, true
  end
  local counts = call('HMGET', this.prefix .. 'counts', 'pending', 'delayed', 'blocked')
  return (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0) + (tonumber(counts[3]) or 0)
end

-- A job that moves may leave this queue after all. Only jobs that arrive together may wait for each other.
local function may_leave(moving, arrives)
  return moving and not (arrives and string.sub(moving, 1, 5) == 'from ')
end

-- Open parents, and whether one has failed; nil and the name of one that is not there, is another customer's, or is on
-- its way between two queues.
local function read_parents(this, r)
  local open, failed = {}, false
  for parent in string.gmatch(r.parents or '', '%S+') do
    local known = call('HMGET', this.prefix .. 'job:' .. parent, 'state', 'customer', 'moving')
    if not known[1] or (known[2] or nil) ~= r.customer or may_leave(known[3], r.arrives) then return nil, parent end
    if known[1] == 'failed' or known[1] == 'cancelled' then failed = true
    elseif known[1] ~= 'completed' then open[#open + 1] = parent end
  end
  return open, failed
end

-- A workflow's first job fixes its priority and its tick; the next ones stand behind it.
local function place_in_workflow(this, r, tick)
  local key, flow = this.prefix .. 'workflow:' .. r.workflow, this.workflows[r.workflow]
  if not flow then
    local priority, first, next_one = unpack(call('HMGET', key, 'priority', 'tick', 'next'))
    if not priority then
      if r.workflow_at then tick = math.min(tick, scores.tick_at(math.max(tonumber(r.workflow_at), this.now - policy.workflow_back_ms))) end
      priority, first, next_one = r.priority, int(tick), '0'
      call('HSET', key, 'priority', priority, 'tick', first, 'next', next_one, 'first_seen', this.now)
    end
    flow = { priority = priority, next_tick = first + next_one }
    this.workflows[r.workflow] = flow
  end
  writes.add(this, key, 'next', 1)
  writes.add(this, key, 'jobs', 1)
  call('ZADD', this.prefix .. 'workflow.jobs:' .. r.workflow, this.now_text, r.id)
  r.priority = flow.priority
  flow.next_tick = flow.next_tick + 1
  return flow.next_tick - 1
end

local function place(this, r)
  local tick = scores.next_tick(this)
  if r.run_at and tonumber(r.run_at) > this.now then tick = scores.tick_at(tonumber(r.run_at)) end
  if r.workflow then tick = math.min(place_in_workflow(this, r, tick), ordering.LAST_TICK) end
  return scores.score_of(tonumber(r.priority), tick)
end

local function join_class(this, r)
  local key, known = this.prefix .. 'class:' .. r.class, this.classes[r.class]
  if known then
    writes.add(this, key, 'jobs', 1)
    return known
  end
  if call('HINCRBY', key, 'jobs', '1') > 1 or call('HSETNX', key, 'requirements', r.requirements) == 0 then
    local unworkable = not this.all_workable and call('SISMEMBER', this.prefix .. 'classes.unworkable', r.class) == 1
    this.classes[r.class] = unworkable and 'unworkable' or 'judged'
    return this.classes[r.class]
  end
  if r.customer then
    call('HSET', key, 'customer', r.customer)
    call('SADD', this.prefix .. 'customer.classes:' .. r.customer, r.class)
  end
  call('ZADD', this.prefix .. 'classes', call('INCR', this.prefix .. 'classes.serial'), r.class)
  call('ZADD', this.prefix .. 'classes.unjudged', this.now, r.class)
  if call('EXISTS', this.prefix .. 'profiles') == 0 then
    call('SADD', this.prefix .. 'classes.unworkable', r.class)
    this.all_workable = false
  end
  return 'new'
end

-- Stored as they were sent, if they were.
local kept_fields = { 'customer', 'workflow', 'labels', 'on_lost', 'parents', 'timeout', 'deadline', 'ttl', 'on_dep',
  'idem' }

-- What is kept beside the hash; returns the hash's fields.
local function store(this, r, job)
  local created = r.created or this.now_text
  local fields = { 'spec', jobs.spec_of(job), 'times', created .. ' ' .. int(job.ttl_at) }
  for _, name in ipairs(kept_fields) do
    if r[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = r[name]
    end
  end
  if r.run_at and tonumber(r.run_at) > this.now then
    fields[#fields + 1] = 'due'
    fields[#fields + 1] = r.run_at
  end
  if r.body then writes.keep(this, this.prefix .. 'job.payload:' .. r.id, r.body) end
  writes.later(this, 'ZADD', this.prefix .. 'class.jobs:' .. r.class, created, r.id)
  call('ZADD', this.prefix .. 'ids:' .. string.sub(r.id, 1, 4), '0', r.id)
  if r.labels then
    for label in string.gmatch(r.labels, '[^\n]+') do call('ZADD', this.prefix .. 'label.jobs:' .. label, created, r.id) end
  end
  if r.idem then
    call('SET', this.prefix .. 'idempotency:' .. (r.customer or '') .. '/' .. r.idem, r.id .. ' ' .. r.digest)
  end
  return fields
end

local function fail_new(this, id, job, fields)
  finishing.finish(this, id, job, 'failed', 'dependency', unpack(fields))
end

local function list_new(this, r, job, fields, open, parent_failed)
  local due = r.run_at and tonumber(r.run_at) or 0
  if parent_failed and r.on_dep ~= 'run' then return fail_new(this, r.id, job, fields) end
  if #open > 0 then
    for _, parent in ipairs(open) do call('SADD', this.prefix .. 'job.children:' .. parent, r.id) end
    call('ZADD', this.prefix .. 'blocked', this.now, r.id)
    return transitions.transition(this, r.id, job, 'blocked', 'blocked', nil, 'waits', #open, unpack(fields))
  end
  pending.watch_expiry(this, r.id, job.ttl_at, r.deadline)
  if due > this.now then return pending.to_delayed(this, r.id, job, 'submitted', nil, due, unpack(fields)) end
  pending.to_pending(this, r.id, job, 'submitted', nil, unpack(fields))
end

local function submit(this, r, max_waiting)
  local known = known_answer(this, r)
  if known then return known end
  this.waiting = this.waiting or read_waiting(this)
  if this.waiting >= max_waiting then return { 'full', tostring(max_waiting) } end
  local open, failed = {}, false
  if r.parents then open, failed = read_parents(this, r) end
  if not open then return { 'parent', failed } end
  local standing = join_class(this, r)
  local ttl_at = math.max(this.now, tonumber(r.run_at) or 0) + (tonumber(r.ttl) or policy.queue_ttl_ms)
  local job = { class = r.class, score = place(this, r), max_failures = r.max_failures, digest = r.digest, customer = r.customer,
    workflow = r.workflow, ttl_at = ttl_at, deadline = r.deadline, due = r.run_at, ttl = r.ttl, waits = #open }
  list_new(this, r, job, store(this, r, job), open, failed)
  if job.state ~= 'failed' then this.waiting = this.waiting + 1 end
  return { 'ok', r.id, job.state, standing }
end

return {
  look_for = look_for,
  known_answer = known_answer,
  read_waiting = read_waiting,
  read_parents = read_parents,
  join_class = join_class,
  store = store,
  submit = submit,
}
