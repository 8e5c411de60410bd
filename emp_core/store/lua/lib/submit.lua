-- submit: one job of a batch.
--
-- USES tick finish
-- RARE stored_answer read_parents place_in_workflow fail_new

-- The answer about a job that is stored: its state, and if it waits whether a worker fits it now. A conflict needs the
-- stored digest, because the caller knows how earlier versions made digests. Of another customer's job it says nothing:
-- equal requests of two customers have one digest if the customer was filled in.
local function stored_answer(id, r, digest)
  local stored = call('HMGET', P .. 'job:' .. id, 'spec', 'state', 'customer')
  if stored[2] and (stored[3] or nil) ~= r.customer then return { 'conflict', id, '-', 'judged', '' } end
  local class = job_states[stored[2]] == WAITS and read_spec(stored[1])
  local unworkable = class and call('SISMEMBER', P .. 'classes.unworkable', class) == 1
  digest = digest or string.match(stored[1] or '', '%S+$') or ''
  local word = digest == r.digest and 'already' or 'conflict'
  return { word, id, stored[2] or 'deleted', unworkable and 'unworkable' or 'judged', digest }
end

-- The answer about the job under the request's id or idempotency key; nil if there is none.
local function known_answer(r)
  local id = r.id
  if r.idem then
    local stored = call('GET', P .. 'idempotency:' .. (r.customer or '') .. '/' .. r.idem)
    local of, digest = string.match(stored or '', '^(%S+) (%S+)$')
    if of then return stored_answer(of, r, digest) end
  end
  if call('EXISTS', P .. 'job:' .. id, P .. 'job.gone:' .. id) == 0 then return nil end
  if call('HEXISTS', P .. 'job:' .. id, 'state') == 1 then return stored_answer(id, r) end
  return call('EXISTS', P .. 'job.gone:' .. id) == 1 and { 'deleted', id } or nil
end

-- Waiting jobs in the queue: read once, then counted along.
local waiting
local all_workable = false

local function read_waiting()
  if call('EXISTS', P .. 'classes.unworkable', P .. 'limits', P .. 'idle.where') == 0 then
    all_workable, no_limits, nobody_idle = true, true, true
  end
  local counts = call('HMGET', P .. 'counts', 'pending', 'delayed', 'blocked')
  return (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0) + (tonumber(counts[3]) or 0)
end

-- A job that moves may leave this queue after all. Only jobs that arrive together may wait for each other.
local function may_leave(moving, arrives)
  return moving and not (arrives and string.sub(moving, 1, 5) == 'from ')
end

-- Open parents, and whether one has failed; nil and the name of one that is not there, is another customer's, or is on
-- its way between two queues.
local function read_parents(r)
  local open, failed = {}, false
  for parent in string.gmatch(r.parents or '', '%S+') do
    local known = call('HMGET', P .. 'job:' .. parent, 'state', 'customer', 'moving')
    if not known[1] or (known[2] or nil) ~= r.customer or may_leave(known[3], r.arrives) then return nil, parent end
    if known[1] == 'failed' or known[1] == 'cancelled' then failed = true
    elseif known[1] ~= 'completed' then open[#open + 1] = parent end
  end
  return open, failed
end

-- A workflow's first job fixes its priority and its tick; the next ones stand behind it.
local function place_in_workflow(r, tick)
  local key = P .. 'workflow:' .. r.workflow
  if call('EXISTS', key) == 0 then
    local first = tick
    if r.workflow_at then first = math.min(tick, tick_at(math.max(tonumber(r.workflow_at), now - 3600000))) end
    call('HSET', key, 'priority', r.priority, 'tick', int(first), 'next', 0, 'first_seen', now)
  end
  local stored = call('HMGET', key, 'priority', 'tick', 'next')
  call('HINCRBY', key, 'next', 1)
  call('HINCRBY', key, 'jobs', 1)
  call('ZADD', P .. 'workflow.jobs:' .. r.workflow, now_text, r.id)
  r.priority = stored[1]
  return tonumber(stored[2]) + tonumber(stored[3])
end

local function place(r)
  local tick = next_tick()
  if r.run_at and tonumber(r.run_at) > now then tick = tick_at(tonumber(r.run_at)) end
  if r.workflow then tick = math.min(place_in_workflow(r, tick), ORDERING.LAST_TICK) end
  return score_of(tonumber(r.priority), tick)
end

local function join_class(r)
  local key = P .. 'class:' .. r.class
  if call('HINCRBY', key, 'jobs', '1') > 1 or call('HSETNX', key, 'requirements', r.requirements) == 0 then
    local unworkable = not all_workable and call('SISMEMBER', P .. 'classes.unworkable', r.class) == 1
    return unworkable and 'unworkable' or 'judged'
  end
  if r.customer then
    call('HSET', key, 'customer', r.customer)
    call('SADD', P .. 'customer.classes:' .. r.customer, r.class)
  end
  call('ZADD', P .. 'classes', call('INCR', P .. 'classes.serial'), r.class)
  call('ZADD', P .. 'classes.unjudged', now, r.class)
  if call('EXISTS', P .. 'profiles') == 0 then
    call('SADD', P .. 'classes.unworkable', r.class)
    all_workable = false
  end
  return 'new'
end

-- Stored as they were sent, if they were.
local kept_fields = { 'customer', 'workflow', 'labels', 'on_lost', 'parents', 'timeout', 'deadline', 'ttl', 'on_dep',
  'idem' }

-- What is kept beside the hash; returns the hash's fields.
local function store(r, job)
  local created = r.created or now_text
  local fields = { 'spec', spec_of(job), 'times', created .. ' ' .. int(job.ttl_at) }
  for _, name in ipairs(kept_fields) do
    if r[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = r[name]
    end
  end
  if r.run_at and tonumber(r.run_at) > now then
    fields[#fields + 1] = 'due'
    fields[#fields + 1] = r.run_at
  end
  if r.body then call('SET', P .. 'job.payload:' .. r.id, r.body) end
  call('ZADD', P .. 'class.jobs:' .. r.class, created, r.id)
  call('ZADD', P .. 'ids:' .. string.sub(r.id, 1, 4), '0', r.id)
  if r.labels then
    for label in string.gmatch(r.labels, '[^\n]+') do call('ZADD', P .. 'label.jobs:' .. label, created, r.id) end
  end
  if r.idem then
    call('SET', P .. 'idempotency:' .. (r.customer or '') .. '/' .. r.idem, r.id .. ' ' .. r.digest)
  end
  return fields
end

local function fail_new(id, job, fields)
  finish(id, job, 'failed', 'dependency', unpack(fields))
end

local function list_new(r, job, fields, open, parent_failed)
  local due = r.run_at and tonumber(r.run_at) or 0
  if parent_failed and r.on_dep ~= 'run' then return fail_new(r.id, job, fields) end
  if #open > 0 then
    for _, parent in ipairs(open) do call('SADD', P .. 'job.children:' .. parent, r.id) end
    call('ZADD', P .. 'blocked', now, r.id)
    return transition(r.id, job, 'blocked', 'blocked', nil, 'waits', #open, unpack(fields))
  end
  watch_expiry(r.id, job.ttl_at, r.deadline)
  if due > now then return to_delayed(r.id, job, 'submitted', nil, due, unpack(fields)) end
  to_pending(r.id, job, 'submitted', nil, unpack(fields))
end

local function submit(r, max_waiting)
  local known = known_answer(r)
  if known then return known end
  waiting = waiting or read_waiting()
  if waiting >= max_waiting then return { 'full', tostring(max_waiting) } end
  local open, failed = {}, false
  if r.parents then open, failed = read_parents(r) end
  if not open then return { 'parent', failed } end
  local standing = join_class(r)
  local ttl_at = math.max(now, tonumber(r.run_at) or 0) + (tonumber(r.ttl) or POLICY.queue_ttl_ms)
  local job = { class = r.class, score = place(r), max_failures = r.max_failures, digest = r.digest, customer = r.customer,
    workflow = r.workflow, ttl_at = ttl_at, deadline = r.deadline, due = r.run_at, ttl = r.ttl, waits = #open }
  list_new(r, job, store(r, job), open, failed)
  if job.state ~= 'failed' then waiting = waiting + 1 end
  return { 'ok', r.id, job.state, standing }
end
