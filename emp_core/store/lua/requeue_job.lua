-- requeue_job: an operator takes a running job from its worker and puts it back in its place (docs/states.md T15).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   nonce     str     of the call, which may come again
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- USES   now ending wake order
-- RETURNS ok, or the state that forbids it, or `gone`

local job = ordered_job('requeue', id, customer, by, reason)
if not job then return 'gone' end
if job.ordered == nonce then return 'ok' end
if job.state ~= 'active' then return refuse_order(job) end
leave_active(id, job)
close_claim(id, job)
call('HSET', P .. 'job:' .. id, 'ordered', nonce)
note_attempt(id, job, 'requeued', 'by an operator')
tell(job.worker, 'cancel ' .. id)
if job.on_lost == 'fail' then
  fail_for_good(id, job, 'lost')
else
  to_pending(id, job, 'requeued', 'operator')
end
note_order(job, 'done', job.state)
return 'ok'
