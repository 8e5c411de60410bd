-- forget_moved: forgets jobs that another queue has now, or that it keeps after all (docs/states.md T23).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   mark      str     `to` or `from`, and the other queue's id
-- ARGV   place     str     where the jobs are now, one word, which is kept for a day; '': they never were here
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id
-- DERIVES every key of the job: see the table of keys
-- USES   now pending remains order
-- RETURNS for each: ok, its state if it runs or has ended, or `gone` if it does not move so; or only `superseded`

local function forget_key(id, job)
  if not job.idem then return end
  local key = P .. 'idempotency:' .. (job.customer or '') .. '/' .. job.idem
  if string.find(call('GET', key) or '', id .. ' ', 1, true) == 1 then call('DEL', key) end
end

local function forget(id)
  local job = ordered_job('move', id, '', by, reason)
  if not job or job.moving ~= mark then
    if not job then call('HDEL', P .. 'moving', id) end
    return 'gone'
  end
  if job_states[job.state] ~= WAITS then return refuse_order(job) end
  unlist_waiting(id, job)
  for parent in string.gmatch(job.parents or '', '%S+') do call('SREM', P .. 'job.children:' .. parent, id) end
  call('UNLINK', P .. 'job.children:' .. id)
  call('HDEL', P .. 'moving', id)
  if place == '' then forget_key(id, job) end
  count_one('moved', 1)
  forget_job(id, job, place ~= '' and 'moved:' .. place)
  note_order(job, 'done', 'moved')
  return 'ok'
end

return counting(function()
  if is_superseded(mark, command) then return { 'superseded' } end
  local answers = {}
  for i = jobs_at, #ARGV do answers[#answers + 1] = forget(ARGV[i]) end
  return answers
end)
