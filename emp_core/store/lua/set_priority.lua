-- set_priority: waiting jobs move to another priority and keep their time (docs/states.md T21).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   priority  int     0 to 100
-- ARGV   customer  str     only this customer's jobs, or ''
-- ARGV   workflow  str     its jobs to come get it too, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id
-- DERIVES nearly every key: see the table of keys
-- USES   now tick job pending order
-- RETURNS for each: ok, or the state or the `moving` that forbids it, or `gone`

local function move(id)
  local job = ordered_job('priority', id, customer, by, reason)
  if not job then return 'gone' end
  if job.moving then return workflow == '' and refuse_moving(job) or 'moving' end
  if job_states[job.state] ~= WAITS then return workflow == '' and refuse_order(job) or job.state end
  job.order.before = int(priority_of(job.score))
  local avoids = job.state == 'pending' and call('ZSCORE', P .. 'avoided.until', id)
  if job.state == 'pending' then unlist_pending(id, job) end
  job.score = score_of(priority, tick_of(job.score))
  transition(id, job, job.state, 'reprioritised', nil, 'spec', spec_of(job))
  if avoids then
    list_avoided(id, job, job.avoid, avoids)
  elseif job.state == 'pending' then
    list_pending(id, job)
  end
  -- Of a workflow's jobs the audit has one line for all.
  if workflow == '' then note_order(job, 'done', int(priority)) end
  return 'ok'
end

local answers = {}
local before = workflow ~= '' and call('HGET', P .. 'workflow:' .. workflow, 'priority')
if before and tonumber(before) ~= priority then
  call('HSET', P .. 'workflow:' .. workflow, 'priority', priority)
  audit(by, reason, 'priority', 'workflow', workflow, before, int(priority), 'done')
end
for i = jobs_at, #ARGV do answers[#answers + 1] = move(ARGV[i]) end
return answers
