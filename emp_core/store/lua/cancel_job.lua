-- cancel_job: a waiting job is cancelled at once, a running one within its grace (docs/states.md T12).
-- Guarantees: after `cancelling` or `cancelled` the job never becomes completed; an ended job stays as it is.
--
-- FLAGS  allow-oom
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   worker    str     the worker that holds it, if it is the one that cancels, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- RETURNS the job's state, `moving` if that forbids it, or `gone`

return function(this, id, customer, worker, by, reason)
  local job = orders.job(this, 'cancel', id, customer, by, reason)
  if not job then return 'gone' end
  if worker ~= '' and (job.worker ~= worker or not job.nonce) then return 'stale' end
  if jobs.is_terminal(job) or job.state == 'cancelling' then
    orders.note(this, job, 'unchanged')
    return job.state
  end
  if job.moving then return orders.refuse_moving(this, job) end
  if job.state ~= 'active' then
    pending.unlist_waiting(this, id, job)
    finishing.finish(this, id, job, 'cancelled')
    orders.note(this, job, 'done', 'cancelled')
    return 'cancelled'
  end
  local lease = tonumber(call('ZSCORE', this.prefix .. 'leases', id)) or this.now
  call('ZADD', this.prefix .. 'leases', math.min(lease, this.now + policy.cancel_grace_ms), id)
  call('ZREM', this.prefix .. 'timeouts', id)
  transitions.transition(this, id, job, 'cancelling', 'cancelling')
  waking.tell(this, job.worker, 'cancel ' .. id)
  orders.note(this, job, 'done', 'cancelling')
  return 'cancelling'
end
