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
-- RETURNS ok, or the state or the `moving` that forbids it, or `gone`

local job = ordered_job('unhold', id, customer, by, reason)
if not job then return 'gone' end
if job.ordered == nonce then return 'ok' end
if job.moving then return refuse_moving(job) end
if not job.held then return refuse_order(job) end
end_hold(id, job, 'ordered', nonce)
note_order(job, 'done', job.state)
return 'ok'
