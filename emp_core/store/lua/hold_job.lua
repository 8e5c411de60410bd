-- hold_job: a waiting job is kept back until it is unheld (docs/states.md T19); its queue time stops.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- USES   now job active pending order
-- RETURNS ok | already, or the state or the `moving` that forbids it, or `gone`

local job = ordered_job('hold', id, customer, by, reason)
if not job then return 'gone' end
if job.moving then return refuse_moving(job) end
if job.held then
  note_order(job, 'unchanged')
  return 'already'
end
if job.state ~= 'pending' and job.state ~= 'delayed' then return refuse_order(job) end
unlist_waiting(id, job)
if job.nonce then close_claim(id, job) end
if not job.began then watch_expiry(id, nil, job.deadline) end
call('ZADD', P .. 'held', now, id)
transition(id, job, 'delayed', 'held', nil, 'held', 1, 'ttl_left', math.max(0, (ttl_at_of(job) or now) - now))
note_order(job, 'done', 'held')
return 'ok'
