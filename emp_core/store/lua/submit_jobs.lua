-- submit_jobs: stores jobs (docs/states.md T1, T17), each whole or not at all, and wakes a worker for each that can be claimed.
-- Guarantees: a repeated call answers `already`; the order of the records is the order of the jobs.
--
-- FLAGS
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   max_waiting int   the limit of waiting jobs
-- REST   jobs      id class requirements priority max_failures customer workflow labels idem on_lost parents timeout deadline workflow_at run_at ttl on_dep digest body
-- DERIVES nearly every key: see the table of keys
-- USES   now tick finish submit
-- RETURNS for each job: `ok` id state new|judged|unworkable, `already` or `conflict` id state judged|unworkable digest,
--         or `deleted` id | `parent` id | `full` count

return counting(function()
  local answers = {}
  for i = jobs_at, #ARGV, jobs_width do answers[#answers + 1] = submit(jobs_record(i), max_waiting) end
  return answers
end)
