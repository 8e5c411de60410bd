-- export_jobs: reads waiting jobs as another queue can store them.
--
-- FLAGS  no-writes
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   fields    str     words: the values of a job that are wanted
-- REST   jobs      id
-- DERIVES job:<id>, job.payload:<id>, class:<class>, workflow:<workflow>
-- USES   transfer
-- RETURNS for each: `ok` mark class requirements parents workflow's priority, tick and next, bytes of the payload, number
--         of jobs that wait for it, and the values of `fields`; or its state if it does not wait, `resolving` if a job that it depends on has just ended, or
--         `gone`

local function export(id)
  local job = read_job(id)
  if not job then return { 'gone' } end
  if job_states[job.state] ~= WAITS then return { job.state } end
  local open = open_parents(job)
  if not open then return { 'resolving' } end
  return transfer_of(id, job, open, fields)
end

local answers = {}
for i = jobs_at, #ARGV do answers[#answers + 1] = export(ARGV[i]) end
return answers
