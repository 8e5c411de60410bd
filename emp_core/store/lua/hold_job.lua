-- hold_job: a waiting job is kept back until it is unheld (docs/states.md T19); its queue time stops.
--
-- FLAGS  allow-oom
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- RETURNS ok | already, or the state or the `moving` that forbids it, or `gone`

return function(this, id, customer, by, reason)
  local job = orders.job(this, 'hold', id, customer, by, reason)
  if not job then return 'gone' end
  if job.moving then return orders.refuse_moving(this, job) end
  if job.held then
    orders.note(this, job, 'unchanged')
    return 'already'
  end
  if job.state ~= 'pending' and job.state ~= 'delayed' then return orders.refuse(this, job) end
  pending.unlist_waiting(this, id, job)
  if job.nonce then active.close_claim(this, id, job) end
  if not job.began then pending.watch_expiry(this, id, nil, job.deadline) end
  call('ZADD', this.prefix .. 'held', this.now, id)
  local left = math.max(0, (jobs.ttl_at_of(job) or this.now) - this.now)
  transitions.transition(this, id, job, 'delayed', 'held', nil, 'held', 1, 'ttl_left', left)
  orders.note(this, job, 'done', 'held')
  return 'ok'
end
