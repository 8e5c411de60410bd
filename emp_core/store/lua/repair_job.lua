-- repair_job: puts a damaged job back into a legal state, or sets it aside: the lists follow the job's hash, and a hash
-- that cannot be read is taken out of every list and kept in quarantine.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- DERIVES nearly every key: see the table of keys
-- USES   now remains
-- RETURNS sound | repaired | corrupt | deleted

local job = read_job(id)
if not job and call('EXISTS', P .. 'job:' .. id) == 0 then
  forget_remains(id)
  return 'deleted'
end
if not job then
  leave_lists(id)
  call('HSET', P .. 'quarantine', id, 'its hash cannot be read')
  return 'corrupt'
end
call('HDEL', P .. 'quarantine', id)

local at = {
  pending = function() return call('ZSCORE', P .. 'jobs:pending:' .. job.class, id) or call('ZSCORE', P .. 'avoided', id) end,
  delayed = function() return call('ZSCORE', P .. (job.held and 'held' or 'delayed'), id) end,
  blocked = function() return call('ZSCORE', P .. 'blocked', id) end,
  active = function() return call('ZSCORE', P .. 'leases', id) end,
  cancelling = function() return call('ZSCORE', P .. 'leases', id) end,
}
local listed = at[job.state] or function() return call('ZSCORE', P .. 'jobs:' .. job.state, id) end
if listed() then return 'sound' end
if job.state == 'pending' then list_pending(id, job)
elseif job.state == 'delayed' then call('ZADD', P .. (job.held and 'held' or 'delayed'), job.due or now, id)
elseif job.state == 'blocked' then call('ZADD', P .. 'blocked', now, id)
elseif is_terminal(job) then set_aside(id, job)
else call('ZADD', P .. 'leases', now, id) end
return 'repaired'
