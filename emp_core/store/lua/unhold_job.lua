-- unhold_job: a held job goes back to its old place (docs/states.md T20), or on waiting for its time.
--
-- FLAGS  allow-oom
-- ARGV   id        str
-- ARGV   customer  str     only this customer's job, or ''
-- ARGV   nonce     str     of the call, which may come again
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES nearly every key: see the table of keys
-- RETURNS ok, or the state or the `moving` that forbids it, or `gone`

return function(this, id, customer, nonce, by, reason)
  local job = orders.job(this, 'unhold', id, customer, by, reason)
  if not job then return 'gone' end
  if job.ordered == nonce then return 'ok' end
  if job.moving then return orders.refuse_moving(this, job) end
  if not job.held then return orders.refuse(this, job) end
  pending.end_hold(this, id, job, 'ordered', nonce)
  orders.note(this, job, 'done', job.state)
  return 'ok'
end
