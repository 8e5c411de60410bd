-- export_jobs: reads waiting jobs as another queue can store them.
--
-- FLAGS  no-writes
-- ARGV   fields    str     words: the values of a job that are wanted
-- RECORD id
-- DERIVES job:<id>, job.payload:<id>, class:<class>, workflow:<workflow>
-- RETURNS for each: `ok` mark class requirements parents workflow's priority, tick and next, bytes of the payload, number
--         of jobs that wait for it, and the values of `fields`; or its state if it does not wait, `resolving` if a job that it depends on has just ended, or
--         `gone`

return function(this, fields, records)
  local function export(id)
    local job = jobs.read(this, id)
    if not job then return { 'gone' } end
    if not jobs.waits(job.state) then return { job.state } end
    local open = transfers.open_parents(this, job)
    if not open then return { 'resolving' } end
    return transfers.transfer_of(this, id, job, open, fields)
  end

  local answers = {}
  for n, record in ipairs(records) do answers[n] = export(record.id) end
  return answers
end
