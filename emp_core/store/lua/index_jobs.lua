-- index_jobs: lists jobs for filters as if this version had stored them; those that are listed stay so.
--
-- FLAGS  allow-oom
-- RECORD id
-- DERIVES class.jobs:<class>, worker.jobs:<worker>, workflow.jobs:<workflow>, workers.named
-- RETURNS how many jobs there were

return function(this, records)
  local count = 0
  for _, record in ipairs(records) do
    local id = record.id
    local job = jobs.read(this, id)
    if job then
      local created = jobs.created_of(this, job)
      call('ZADD', this.prefix .. 'class.jobs:' .. job.class, created, id)
      if job.workflow then call('ZADD', this.prefix .. 'workflow.jobs:' .. job.workflow, created, id) end
      if job.worker then
        call('ZADD', this.prefix .. 'worker.jobs:' .. job.worker, created, id)
        call('SADD', this.prefix .. 'workers.named', job.worker)
      end
      count = count + 1
    end
  end
  return count
end
