-- release_moved: ends the move of jobs that stay here: they wait again in their old places (docs/states.md T23).
--
-- FLAGS  allow-oom
-- ARGV   mark      str     `to` or `from`, and the other queue's id
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id
-- DERIVES nearly every key: see the table of keys
-- RETURNS for each: ok, or `gone` if it does not move so; or only `superseded`

return function(this, mark, command, by, reason, records)
  local function release(id)
    local job = orders.job(this, 'move', id, '', by, reason)
    if not job or job.moving ~= mark then
      if not job then call('HDEL', this.prefix .. 'moving', id) end
      return 'gone'
    end
    call('HDEL', this.prefix .. 'job:' .. id, 'moving')
    call('HDEL', this.prefix .. 'moving', id)
    if job.held == 'moving' then
      pending.end_hold(this, id, job)
    elseif job.held and not job.began then
      pending.watch_expiry(this, id, nil, job.deadline)
    end
    orders.note(this, job, 'done', job.held and 'held' or job.state)
    return 'ok'
  end

  return writes.together(this, function()
    if orders.is_superseded(this, mark, command) then return { 'superseded' } end
    local answers = {}
    for n, record in ipairs(records) do answers[n] = release(record.id) end
    return answers
  end)
end
