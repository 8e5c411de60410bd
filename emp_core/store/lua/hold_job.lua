-- hold_job: a waiting job is kept back until it is unheld (docs/states.md T19); its queue time stops.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- DERIVES nearly every key: see the table of keys
-- USES   now job active pending
-- RETURNS ok | already, or the state that forbids it, or `gone`

local job = read_job(id)
if not job or customer ~= '' and job.customer ~= customer then return 'gone' end
if job.held then return 'already' end
if job.state ~= 'pending' and job.state ~= 'delayed' then return job.state end
unlist_waiting(id, job)
if job.nonce then close_claim(id, job) end
if not job.began then watch_expiry(id, nil, job.deadline) end
call('ZADD', P .. 'held', now, id)
transition(id, job, 'delayed', 'held', nil, 'held', 1, 'ttl_left', math.max(0, (ttl_at_of(job) or now) - now))
return 'ok'
