-- requeue_job: an operator takes a running job from its worker and puts it back in its place (docs/states.md T15).
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
  local job = orders.job(this, 'requeue', id, customer, by, reason)
  if not job then return 'gone' end
  if job.ordered == nonce then return 'ok' end
  if job.state ~= 'active' then return orders.refuse(this, job) end
  active.leave(this, id, job)
  active.close_claim(this, id, job)
  call('HSET', this.prefix .. 'job:' .. id, 'ordered', nonce)
  active.note_attempt(this, id, job, 'requeued', 'by an operator')
  waking.tell(this, job.worker, 'cancel ' .. id)
  if job.on_lost == 'fail' then
    ending.fail_for_good(this, id, job, 'lost')
  else
    pending.to_pending(this, id, job, 'requeued', 'operator')
  end
  orders.note(this, job, 'done', job.state)
  return 'ok'
end
