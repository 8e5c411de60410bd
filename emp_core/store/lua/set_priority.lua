-- set_priority: waiting jobs move to another priority and keep their time (docs/states.md T21).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   priority  int     0 to 100
-- ARGV   customer  str     only this customer's jobs, or ''
-- ARGV   workflow  str     its jobs to come get it too, or ''
-- REST   jobs      id
-- DERIVES nearly every key: see the table of keys
-- USES   now tick job pending
-- RETURNS for each: ok, or the state that forbids it, or `gone`

local function move(id)
  local job = read_job(id)
  if not job or customer ~= '' and job.customer ~= customer then return 'gone' end
  if job_states[job.state] ~= WAITS then return job.state end
  local avoids = job.state == 'pending' and call('ZSCORE', P .. 'avoided.until', id)
  if job.state == 'pending' then unlist_pending(id, job) end
  job.score = score_of(priority, tick_of(job.score))
  transition(id, job, job.state, 'reprioritised', nil, 'spec', spec_of(job))
  if avoids then
    list_avoided(id, job, job.avoid, avoids)
  elseif job.state == 'pending' then
    list_pending(id, job)
  end
  return 'ok'
end

local answers = {}
if workflow ~= '' and call('EXISTS', P .. 'workflow:' .. workflow) == 1 then
  call('HSET', P .. 'workflow:' .. workflow, 'priority', priority)
end
for i = jobs_at, #ARGV do answers[#answers + 1] = move(ARGV[i]) end
return answers
