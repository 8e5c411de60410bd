-- remains: what to do with a job whose hash is gone or cannot be read.
--
-- USES job finish
-- RARE quarantine unlist_labels leave_lists forget_remains

local job_parts = { 'job:', 'job.payload:', 'job.result:', 'job.log:', 'job.attempts:', 'job.events:' }

-- Set aside for the janitor; a job that cannot be read counts nowhere. `was`: the waiting state of its list, or nil.
local function quarantine(id, was, why)
  call('HSET', P .. 'quarantine', id, why)
  if not read_job(id) then count(was, nil) end
end

-- `labels`: a line `name=value` each.
local function unlist_labels(id, labels)
  for label in string.gmatch(labels, '[^\n]+') do call('ZREM', P .. 'label.jobs:' .. label, id) end
end

local function leave_lists(id)
  for list, state in pairs({ delayed = 'delayed', held = 'delayed', blocked = 'blocked', avoided = 'pending' }) do
    if call('ZREM', P .. list, id) == 1 then count(state, nil) end
  end
  for _, list in ipairs({ 'leases', 'timeouts', 'expiry', 'avoided.until' }) do call('ZREM', P .. list, id) end
  for _, list in ipairs({ 'completed', 'failed', 'cancelled' }) do call('ZREM', P .. 'jobs:' .. list, id) end
end

-- Its parts, its listings and its place among the ids; the jobs that wait for it fail. If its labels are lost, its
-- entries in their index stay: readers skip an id without a job.
local function forget_remains(id)
  local labels = redis.pcall('HGET', P .. 'job:' .. id, 'labels')
  if type(labels) == 'string' then unlist_labels(id, labels) end
  leave_lists(id)
  resolve_children({ { id, 'damaged', 'failed' } })
  for _, part in ipairs(job_parts) do call('UNLINK', P .. part .. id) end
  call('HDEL', P .. 'quarantine', id)
  return call('ZREM', P .. 'ids:' .. string.sub(id, 1, 4), id)
end
