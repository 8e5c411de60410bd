-- move_jobs: keeps waiting jobs back because they move to another queue, and reads them (docs/states.md T23).
-- Guarantees: until release_moved or forget_moved no call runs, ends or changes such a job; a repeated call answers the same.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   mark      str     `to` and the other queue's id
-- ARGV   fields    str     words: the values of a job that are wanted
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id
-- DERIVES nearly every key: see the table of keys
-- USES   now transfer active pending order
-- RETURNS for each: as export_jobs; `parents` and their ids if it depends on jobs that do not move yet, or `moving` if it
--         moves to another queue; or only `superseded`

local function all_move(open)
  for _, parent in ipairs(open) do
    if call('HGET', P .. 'job:' .. parent, 'moving') ~= mark then return false end
  end
  return true
end

local function keep_back(id, job)
  call('HSET', P .. 'moving', id, mark)
  call('ZREM', P .. 'expiry', id)
  job.moving = mark
  if job.state == 'blocked' or job.held then return call('HSET', P .. 'job:' .. id, 'moving', mark) end
  local left = ttl_left_of(job)
  unlist_waiting(id, job)
  if job.nonce then close_claim(id, job) end
  call('ZADD', P .. 'held', now, id)
  transition(id, job, 'delayed', 'held', 'moving', 'held', 'moving', 'ttl_left', int(left or 0), 'moving', mark)
  job.held, job.ttl_left = 'moving', left
end

local function move(id)
  local job = ordered_job('move', id, '', by, reason)
  if not job then return { 'gone' } end
  if job.moving and job.moving ~= mark then return { 'moving' } end
  if job_states[job.state] ~= WAITS then return { job.state } end
  local open = open_parents(job)
  if not open then return { 'resolving' } end
  if not job.moving then
    if not all_move(open) then return { 'parents', table.concat(open, ' ') } end
    keep_back(id, job)
  end
  return transfer_of(id, job, open, fields)
end

return counting(function()
  if is_superseded(mark, command) then return { 'superseded' } end
  local answers = {}
  for i = jobs_at, #ARGV do answers[#answers + 1] = move(ARGV[i]) end
  return answers
end)
