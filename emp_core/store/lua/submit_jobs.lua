-- submit_jobs: stores jobs (docs/states.md T1, T17), each whole or not at all, and wakes a worker for each that can be claimed.
-- Guarantees: a repeated call answers `already`; the order of the records is the order of the jobs.
--
-- FLAGS
-- ARGV   max_waiting int   the limit of waiting jobs
-- RECORD id class requirements priority max_failures customer workflow labels idem on_lost parents timeout deadline workflow_at run_at ttl on_dep digest body
-- DERIVES nearly every key: see the table of keys
-- RETURNS for each job: `ok` id state new|judged|unworkable, `already` or `conflict` id state judged|unworkable digest,
--         or `deleted` id | `parent` id | `full` count | `damaged` id: a record that it touches has another type

-- What is wrong with the records of one job must not keep the others from being stored.
local function submit(this, record, max_waiting)
  local done, answer = pcall(submitting.submit, this, record, max_waiting)
  if done then return answer end
  if string.find(type(answer) == 'table' and answer.err or answer, 'WRONGTYPE', 1, true) then return { 'damaged', record.id } end
  error(answer, 0)
end

return function(this, max_waiting, records)
  return writes.together(this, function()
    local answers = {}
    submitting.look_for(this, records)
    for n, record in ipairs(records) do answers[n] = submit(this, record, max_waiting) end
    return answers
  end)
end
