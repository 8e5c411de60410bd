-- move_jobs: keeps waiting jobs back because they move to another queue, and reads them (docs/states.md T23).
-- Guarantees: until release_moved or forget_moved no call runs, ends or changes such a job; a repeated call answers the same.
--
-- FLAGS  allow-oom
-- ARGV   mark      str     `to` and the other queue's id
-- ARGV   fields    str     words: the values of a job that are wanted
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id
-- DERIVES nearly every key: see the table of keys
-- RETURNS for each: as export_jobs; `parents` and their ids if it depends on jobs that do not move yet, or `moving` if it
--         moves to another queue; or only `superseded`

return function(this, mark, fields, command, by, reason, records)
  local function all_move(open)
    for _, parent in ipairs(open) do
      if call('HGET', this.prefix .. 'job:' .. parent, 'moving') ~= mark then return false end
    end
    return true
  end

  local function keep_back(id, job)
    call('HSET', this.prefix .. 'moving', id, mark)
    call('ZREM', this.prefix .. 'expiry', id)
    job.moving = mark
    if job.state == 'blocked' or job.held then return call('HSET', this.prefix .. 'job:' .. id, 'moving', mark) end
    local left = transfers.ttl_left_of(this, job)
    pending.unlist_waiting(this, id, job)
    if job.nonce then active.close_claim(this, id, job) end
    call('ZADD', this.prefix .. 'held', this.now, id)
    transitions.transition(this, id, job, 'delayed', 'held', 'moving', 'held', 'moving', 'ttl_left', int(left or 0), 'moving', mark)
    job.held, job.ttl_left = 'moving', left
  end

  local function move(id)
    local job = orders.job(this, 'move', id, '', by, reason)
    if not job then return { 'gone' } end
    if job.moving and job.moving ~= mark then return { 'moving' } end
    if not jobs.waits(job.state) then return { job.state } end
    local open = transfers.open_parents(this, job)
    if not open then return { 'resolving' } end
    if not job.moving then
      if not all_move(open) then return { 'parents', table.concat(open, ' ') } end
      keep_back(id, job)
    end
    return transfers.transfer_of(this, id, job, open, fields)
  end

  return writes.together(this, function()
    if orders.is_superseded(this, mark, command) then return { 'superseded' } end
    local answers = {}
    for n, record in ipairs(records) do answers[n] = move(record.id) end
    return answers
  end)
end
