-- delete_jobs: ended jobs are forgotten (docs/states.md T16); their id and idempotency key stay known for a day. So are damaged
-- ones, of which nothing can be said.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   customer  str     only this customer's jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id
-- DERIVES every key of the job: see the table of keys
-- USES   now remains order
-- RETURNS for each: ok, or the state that forbids it, or `gone`

local function delete(id)
  local job = ordered_job('delete', id, customer, by, reason)
  if not job then
    if customer ~= '' or forget_remains(id) == 0 then return 'gone' end
    audit(by, reason, 'delete', 'job', id, 'corrupt', 'gone', 'done')
    return 'ok'
  end
  if not is_terminal(job) then return refuse_order(job) end
  call('ZREM', P .. 'jobs:' .. job.state, id)
  forget_job(id, job, job.state)
  note_order(job, 'done', 'gone')
  return 'ok'
end

local answers = {}
for i = jobs_at, #ARGV do answers[#answers + 1] = delete(ARGV[i]) end
return answers
