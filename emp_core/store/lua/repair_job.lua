-- repair_job: puts a damaged job back into a legal state, or sets it aside: the lists follow the job's hash, and a hash
-- that cannot be read is taken out of every list and kept in quarantine.
--
-- FLAGS  allow-oom
-- ARGV   id        str
-- DERIVES nearly every key: see the table of keys
-- RETURNS sound | repaired | corrupt | deleted

return function(this, id)
  local job = jobs.read(this, id)
  if not job and call('EXISTS', this.prefix .. 'job:' .. id) == 0 then
    remains.forget_remains(this, id)
    return 'deleted'
  end
  if not job then
    remains.leave_lists(this, id)
    call('HSET', this.prefix .. 'quarantine', id, 'its hash cannot be read')
    return 'corrupt'
  end
  call('HDEL', this.prefix .. 'quarantine', id)

  local at = {
    pending = function()
      return call('ZSCORE', this.prefix .. 'jobs:pending:' .. job.class, id) or call('ZSCORE', this.prefix .. 'avoided', id)
    end,
    delayed = function() return call('ZSCORE', this.prefix .. (job.held and 'held' or 'delayed'), id) end,
    blocked = function() return call('ZSCORE', this.prefix .. 'blocked', id) end,
    active = function() return call('ZSCORE', this.prefix .. 'leases', id) end,
    cancelling = function() return call('ZSCORE', this.prefix .. 'leases', id) end,
  }
  local listed = at[job.state] or function() return call('ZSCORE', this.prefix .. 'jobs:' .. job.state, id) end
  if listed() then return 'sound' end
  if job.state == 'pending' then pending.list_pending(this, id, job)
  elseif job.state == 'delayed' then call('ZADD', this.prefix .. (job.held and 'held' or 'delayed'), job.due or this.now, id)
  elseif job.state == 'blocked' then call('ZADD', this.prefix .. 'blocked', this.now, id)
  elseif jobs.is_terminal(job) then finishing.set_aside(this, id, job)
  else call('ZADD', this.prefix .. 'leases', this.now, id) end
  return 'repaired'
end
