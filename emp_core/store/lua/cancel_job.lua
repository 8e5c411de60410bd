-- cancel_job: a waiting job is cancelled at once, a running one within its grace (docs/states.md T12).
-- Guarantees: after `cancelling` or `cancelled` the job never becomes completed; an ended job stays as it is.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   worker    str     the worker that holds it, where it is the one who cancels, or ''
-- DERIVES nearly every key: see the table of keys
-- USES   now ending wake
-- RETURNS the job's state, or `gone`

local job = read_job(id)
if not job or customer ~= '' and job.customer ~= customer then return 'gone' end
if worker ~= '' and (job.worker ~= worker or not job.nonce) then return 'stale' end
if is_terminal(job) or job.state == 'cancelling' then return job.state end
if job.state ~= 'active' then
  unlist_waiting(id, job)
  finish(id, job, 'cancelled')
  return 'cancelled'
end
local lease = tonumber(call('ZSCORE', P .. 'leases', id)) or now
call('ZADD', P .. 'leases', math.min(lease, now + POLICY.cancel_grace_ms), id)
call('ZREM', P .. 'timeouts', id)
transition(id, job, 'cancelling', 'cancelling')
tell(job.worker, 'cancel ' .. id)
return 'cancelling'
