-- retry_job: a failed or cancelled job runs anew as its next generation (docs/states.md T14): counters 0, place now.
--
-- FLAGS  allow-oom
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   nonce     str     of the call, which may come again
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- RETURNS ok, or the state that forbids it, or `gone`

return function(this, id, customer, nonce, by, reason)
  local job = orders.job(this, 'retry', id, customer, by, reason)
  if not job then return 'gone' end
  if job.ordered == nonce then return 'ok' end
  if job.state ~= 'failed' and job.state ~= 'cancelled' then return orders.refuse(this, job) end
  local priority = scores.priority_of(job.score)
  local key = this.prefix .. 'job:' .. id
  local ttl_at = this.now + (tonumber(job.ttl) or policy.queue_ttl_ms)
  call('ZREM', this.prefix .. 'jobs:' .. job.state, id)
  call('HDEL', key, 'avoid', 'lacking', 'code', 'error', 'ended', 'held', 'due', 'deadline', 'progress', 'message', 'stalls')
  call('DEL', this.prefix .. 'job.result:' .. id)
  job.gen, job.avoid, job.score = int((tonumber(job.gen) or 0) + 1), nil, scores.score_of(priority, scores.next_tick(this))
  job.nonce, job.held, job.began, job.lacking = nil, nil, nil, nil
  pending.watch_expiry(this, id, ttl_at)
  pending.to_pending(this, id, job, 'retried', nil, 'ordered', nonce, 'gen', job.gen, 'failures', 0, 'losses', 0, 'releases', 0,
    'spec', jobs.spec_of(job), 'times', jobs.times_with(this, job, ttl_at), 'claim', jobs.claim_of(job))
  orders.note(this, job, 'done', job.state)
  return 'ok'
end
