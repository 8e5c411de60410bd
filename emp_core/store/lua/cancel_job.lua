-- cancel_job: a waiting job is cancelled at once, a running one within its grace (docs/states.md T12).
-- Guarantees: after `cancelling` or `cancelled` the job never becomes completed; an ended job stays as it is.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   worker    str     the worker that holds it, where it is the one who cancels, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- USES   now ending wake order
-- RETURNS the job's state, `moving` if that forbids it, or `gone`

local job = ordered_job('cancel', id, customer, by, reason)
if not job then return 'gone' end
if worker ~= '' and (job.worker ~= worker or not job.nonce) then return 'stale' end
if is_terminal(job) or job.state == 'cancelling' then
  note_order(job, 'unchanged')
  return job.state
end
if job.moving then return refuse_moving(job) end
if job.state ~= 'active' then
  unlist_waiting(id, job)
  finish(id, job, 'cancelled')
  note_order(job, 'done', 'cancelled')
  return 'cancelled'
end
local lease = tonumber(call('ZSCORE', P .. 'leases', id)) or now
call('ZADD', P .. 'leases', math.min(lease, now + POLICY.cancel_grace_ms), id)
call('ZREM', P .. 'timeouts', id)
transition(id, job, 'cancelling', 'cancelling')
tell(job.worker, 'cancel ' .. id)
note_order(job, 'done', 'cancelling')
return 'cancelling'
