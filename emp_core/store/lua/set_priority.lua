-- set_priority: waiting jobs move to another priority and keep their time (docs/states.md T21).
--
-- FLAGS  allow-oom
-- ARGV   priority  int     0 to 100
-- ARGV   customer  str     only this customer's jobs, or ''
-- ARGV   workflow  str     its jobs to come get it too, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id
-- DERIVES nearly every key: see the table of keys
-- RETURNS for each: ok, or the state or the `moving` that forbids it, or `gone`

return function(this, priority, customer, workflow, by, reason, records)
  local function move(id)
    local job = orders.job(this, 'priority', id, customer, by, reason)
    if not job then return 'gone' end
    if job.moving then return workflow == '' and orders.refuse_moving(this, job) or 'moving' end
    if not jobs.waits(job.state) then return workflow == '' and orders.refuse(this, job) or job.state end
    job.order.before = int(scores.priority_of(job.score))
    local avoids = job.state == 'pending' and call('ZSCORE', this.prefix .. 'avoided.until', id)
    if job.state == 'pending' then pending.unlist_pending(this, id, job) end
    job.score = scores.score_of(priority, scores.tick_of(job.score))
    transitions.transition(this, id, job, job.state, 'reprioritised', nil, 'spec', jobs.spec_of(job))
    if avoids then
      pending.list_avoided(this, id, job, job.avoid, avoids)
    elseif job.state == 'pending' then
      pending.list_pending(this, id, job)
    end
    -- Of a workflow's jobs the audit has one line for all.
    if workflow == '' then orders.note(this, job, 'done', int(priority)) end
    return 'ok'
  end

  local answers = {}
  local before = workflow ~= '' and call('HGET', this.prefix .. 'workflow:' .. workflow, 'priority')
  if before and tonumber(before) ~= priority then
    call('HSET', this.prefix .. 'workflow:' .. workflow, 'priority', priority)
    orders.audit(this, by, reason, 'priority', 'workflow', workflow, before, int(priority), 'done')
  end
  for n, record in ipairs(records) do answers[n] = move(record.id) end
  return answers
end
