-- retry_job: a failed or cancelled job runs anew as its next generation (docs/states.md T14): counters 0, place now.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   nonce     str     of the call, which may come again
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- USES   now tick finish order
-- RETURNS ok, or the state that forbids it, or `gone`

local job = ordered_job('retry', id, customer, by, reason)
if not job then return 'gone' end
if job.ordered == nonce then return 'ok' end
if job.state ~= 'failed' and job.state ~= 'cancelled' then return refuse_order(job) end
local priority = priority_of(job.score)
local key = P .. 'job:' .. id
local ttl_at = now + (tonumber(job.ttl) or POLICY.queue_ttl_ms)
call('ZREM', P .. 'jobs:' .. job.state, id)
call('HDEL', key, 'avoid', 'lacking', 'code', 'error', 'ended', 'held', 'due', 'deadline', 'progress', 'message', 'stalls')
call('DEL', P .. 'job.result:' .. id)
job.gen, job.avoid, job.score = int((tonumber(job.gen) or 0) + 1), nil, score_of(priority, next_tick())
job.nonce, job.held, job.began, job.lacking = nil, nil, nil, nil
watch_expiry(id, ttl_at)
to_pending(id, job, 'retried', nil, 'ordered', nonce, 'gen', job.gen, 'failures', 0, 'losses', 0, 'releases', 0, 'spec', spec_of(job),
  'times', times_with(job, ttl_at), 'claim', claim_of(job))
note_order(job, 'done', job.state)
return 'ok'
