-- delete_jobs: ended jobs are forgotten (docs/states.md T16); their id and idempotency key stay known for a day. So are damaged
-- ones, of which nothing can be said.
--
-- FLAGS  allow-oom
-- ARGV   customer  str     only this customer's jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id
-- DERIVES every key of the job: see the table of keys
-- RETURNS for each: ok, or the state that forbids it, or `gone`

return function(this, customer, by, reason, records)
  local function delete(id)
    local job = orders.job(this, 'delete', id, customer, by, reason)
    if not job then
      if customer ~= '' or remains.forget_remains(this, id) == 0 then return 'gone' end
      orders.audit(this, by, reason, 'delete', 'job', id, 'corrupt', 'gone', 'done')
      return 'ok'
    end
    if not jobs.is_terminal(job) then return orders.refuse(this, job) end
    call('ZREM', this.prefix .. 'jobs:' .. job.state, id)
    remains.forget_job(this, id, job, job.state)
    orders.note(this, job, 'done', 'gone')
    return 'ok'
  end

  local answers = {}
  for n, record in ipairs(records) do answers[n] = delete(record.id) end
  return answers
end
