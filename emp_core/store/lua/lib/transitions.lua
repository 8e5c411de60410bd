-- transitions: the one place where a job's state changes: its hash and version, the counters and the event together.

-- An order to a job sets `job.signed`: its customer, and who gives the order.
local function transition(this, id, job, to, name, code, ...)
  job.ver = int((job.ver or 0) + 1)
  local from, ver = job.state, job.ver
  call('HSET', this.prefix .. 'job:' .. id, 'state', to, 'ver', ver, ...)
  counters.count(this, from, to)
  if not from then counters.count_one(this, 'submitted', 1) elseif name == 'retried' then counters.count_one(this, name, 1) end
  if to == 'failed' then counters.count_one(this, 'failed ' .. code, 1)
  elseif to == 'completed' or to == 'cancelled' then counters.count_one(this, to, 1) end
  job.state = to
  local text = events.emit(this, name, id, job.gen, ver, to, job.worker, job.attempt, code, job.signed or job.customer)
  if not (ver == '3' and name == 'completed' or ver == '2' and name == 'claimed' or ver == '1' and name == 'submitted') then
    events.keep(this, id, job, from, text)
  end
end

return {
  transition = transition,
}
