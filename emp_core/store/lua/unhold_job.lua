-- unhold_job: a held job goes back to its old place (docs/states.md T20), or on waiting for its time.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   nonce     str     of the call, which may come again
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- USES   now job pending order
-- RETURNS ok, or the state that forbids it, or `gone`

local job = ordered_job('unhold', id, customer, by, reason)
if not job then return 'gone' end
if job.ordered == nonce then return 'ok' end
if not job.held then return refuse_order(job) end
unlist_waiting(id, job)
call('HDEL', P .. 'job:' .. id, 'held', 'ttl_left')
job.held = nil
local ttl_at = now + (tonumber(job.ttl_left) or POLICY.queue_ttl_ms)
if not job.began then watch_expiry(id, ttl_at, job.deadline) end
if (tonumber(job.due) or 0) > now then
  to_delayed(id, job, 'unheld', nil, job.due, 'ordered', nonce, 'times', times_with(job, ttl_at))
else
  to_pending(id, job, 'unheld', nil, 'ordered', nonce, 'times', times_with(job, ttl_at))
end
note_order(job, 'done', job.state)
return 'ok'
