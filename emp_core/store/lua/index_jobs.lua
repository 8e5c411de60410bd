-- index_jobs: lists jobs for filters as if this version had stored them; those that are listed stay so.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- REST   jobs      id
-- DERIVES class.jobs:<class>, worker.jobs:<worker>, workflow.jobs:<workflow>, workers.named
-- USES   now job
-- RETURNS how many jobs there were

local count = 0
for i = jobs_at, #ARGV do
  local id = ARGV[i]
  local job = read_job(id)
  if job then
    local created = created_of(job)
    call('ZADD', P .. 'class.jobs:' .. job.class, created, id)
    if job.workflow then call('ZADD', P .. 'workflow.jobs:' .. job.workflow, created, id) end
    if job.worker then
      call('ZADD', P .. 'worker.jobs:' .. job.worker, created, id)
      call('SADD', P .. 'workers.named', job.worker)
    end
    count = count + 1
  end
end
return count
