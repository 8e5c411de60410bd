-- forget_moved: forgets jobs that another queue has now, or that it keeps after all (docs/states.md T23).
--
-- FLAGS  allow-oom
-- ARGV   mark      str     `to` or `from`, and the other queue's id
-- ARGV   place     str     where the jobs are now, one word, which is kept for a day; '': they never were here
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id
-- DERIVES every key of the job: see the table of keys
-- RETURNS for each: ok, its state if it runs or has ended, or `gone` if it does not move so; or only `superseded`

return function(this, mark, place, command, by, reason, records)
  local function forget_key(id, job)
    if not job.idem then return end
    local key = this.prefix .. 'idempotency:' .. (job.customer or '') .. '/' .. job.idem
    if string.find(call('GET', key) or '', id .. ' ', 1, true) == 1 then call('DEL', key) end
  end

  local function forget(id)
    local job = orders.job(this, 'move', id, '', by, reason)
    if not job or job.moving ~= mark then
      if not job then call('HDEL', this.prefix .. 'moving', id) end
      return 'gone'
    end
    if not jobs.waits(job.state) then return orders.refuse(this, job) end
    pending.unlist_waiting(this, id, job)
    for parent in string.gmatch(job.parents or '', '%S+') do call('SREM', this.prefix .. 'job.children:' .. parent, id) end
    call('UNLINK', this.prefix .. 'job.children:' .. id)
    call('HDEL', this.prefix .. 'moving', id)
    if place == '' then forget_key(id, job) end
    counters.count_one(this, 'moved', 1)
    remains.forget_job(this, id, job, place ~= '' and 'moved:' .. place)
    orders.note(this, job, 'done', 'moved')
    return 'ok'
  end

  return writes.together(this, function()
    if orders.is_superseded(this, mark, command) then return { 'superseded' } end
    local answers = {}
    for n, record in ipairs(records) do answers[n] = forget(record.id) end
    return answers
  end)
end
