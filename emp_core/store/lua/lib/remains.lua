-- remains: what to do with a job whose hash is gone or cannot be read.
--
-- USES job finish
-- RARE quarantine leave_lists forget_remains

local job_parts = { 'job:', 'job.payload:', 'job.result:', 'job.log:', 'job.attempts:', 'job.events:' }

-- Set aside for the janitor; a job that cannot be read counts nowhere. `was` is what its list says that it was.
local function quarantine(id, was, why)
  call('HSET', P .. 'quarantine', id, why)
  if not read_job(id) then count(was, nil) end
end

local function leave_lists(id)
  local lists = { leases = call('ZREM', P .. 'timeouts', id) == 1 and 'active' or 'cancelling', delayed = 'delayed', held = 'delayed', blocked = 'blocked', avoided = 'pending',
    ['jobs:completed'] = 'completed', ['jobs:failed'] = 'failed', ['jobs:cancelled'] = 'cancelled' }
  for list, state in pairs(lists) do
    if call('ZREM', P .. list, id) == 1 then count(state, nil) end
  end
  for _, list in ipairs({ 'expiry', 'avoided.until' }) do call('ZREM', P .. list, id) end
end

-- Its parts, its listings and its place among the ids; the jobs that wait for it fail.
local function forget_remains(id)
  leave_lists(id)
  resolve_children({ { id, 'damaged', 'failed' } })
  for _, part in ipairs(job_parts) do call('UNLINK', P .. part .. id) end
  call('HDEL', P .. 'quarantine', id)
  return call('ZREM', P .. 'ids:' .. string.sub(id, 1, 4), id)
end
