-- release_moved: ends the move of jobs that stay here: they wait again in their old places (docs/states.md T23).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   mark      str     `to` or `from`, and the other queue's id
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id
-- DERIVES nearly every key: see the table of keys
-- USES   now job pending order
-- RETURNS for each: ok, or `gone` if it does not move so; or only `superseded`

local function release(id)
  local job = ordered_job('move', id, '', by, reason)
  if not job or job.moving ~= mark then
    if not job then call('HDEL', P .. 'moving', id) end
    return 'gone'
  end
  call('HDEL', P .. 'job:' .. id, 'moving')
  call('HDEL', P .. 'moving', id)
  if job.held == 'moving' then
    end_hold(id, job)
  elseif job.held and not job.began then
    watch_expiry(id, nil, job.deadline)
  end
  note_order(job, 'done', job.held and 'held' or job.state)
  return 'ok'
end

return counting(function()
  if is_superseded(mark, command) then return { 'superseded' } end
  local answers = {}
  for i = jobs_at, #ARGV do answers[#answers + 1] = release(ARGV[i]) end
  return answers
end)
