-- chores: what time does: leases end, limits pass, delayed jobs fall due, workers are lost. Done by hubs, and by claims and beats.

-- When nobody spoke to Redis for a while nobody could renew: every lease and cancel grace moves on by the gap plus one lease.
local function move_on(this, key, by)
  local open = call('ZRANGE', this.prefix .. key, 0, -1, 'WITHSCORES')
  for from = 1, #open, 1000 do
    local moved = {}
    for i = from, math.min(from + 999, #open), 2 do
      moved[#moved + 1] = open[i + 1] + by
      moved[#moved + 1] = open[i]
    end
    call('ZADD', this.prefix .. key, 'XX', unpack(moved))
  end
end

-- Whether it is time for chores: at most ten times a second over the whole fleet.
local function note_seen(this, lease)
  local seen = tonumber(call('GET', this.prefix .. 'seen')) or 0
  if this.now >= seen and this.now - seen < policy.chore_every_ms then return false end
  call('SET', this.prefix .. 'seen', this.now)
  if seen == 0 then return true end
  if this.now - seen > math.max(lease / 2, policy.outage_ms) then
    move_on(this, 'leases', this.now - seen + lease)
    move_on(this, 'workers', this.now - seen + lease)
  end
  return true
end

local function fallen_due(this, key, batch)
  return call('ZRANGE', this.prefix .. key, '-inf', this.now, 'BYSCORE', 'LIMIT', 0, batch)
end

local function reap_lease(this, id)
  local job = jobs.read(this, id)
  if job and job.state == 'active' then ending.lose(this, id, job)
  elseif job and job.state == 'cancelling' then ending.to_cancelled(this, id, job)
  else
    call('ZREM', this.prefix .. 'leases', id)
    call('ZREM', this.prefix .. 'timeouts', id)
    remains.quarantine(this, id, nil, 'a lease without an active job')
  end
end

-- The failure of an attempt that a limit ended, and its message: which limit, and what was last heard of the attempt.
local function overdue_failure(job, code)
  local seconds = string.format('%g', (code == 'timeout' and jobs.ends_of(job) - job.claimed or policy.stall_ms) / 1000)
  local message = code == 'timeout' and 'took longer than its limit of ' .. seconds .. ' s' or 'made no progress for ' .. seconds .. ' s'
  if job.message and job.message ~= '' then message = message .. '; last message: ' .. job.message end
  return cjson.encode({ message = message, retryable = true, blame = 'job', code = code }), message
end

-- A stall limit that moved on with progress is looked at again when it is really due.
local function reap_overdue(this, id, jitter)
  local job = jobs.read(this, id)
  if not job or job.state ~= 'active' then return call('ZREM', this.prefix .. 'timeouts', id) end
  local ends, stalls = jobs.ends_of(job), tonumber(job.stalls) or math.huge
  if math.min(ends, stalls) > this.now then return call('ZADD', this.prefix .. 'timeouts', math.min(ends, stalls), id) end
  local code = ends <= this.now and 'timeout' or 'stalled'
  ending.fail(this, id, job, code, true, jitter, overdue_failure(job, code))
end

local function expire(this, id)
  local job = jobs.read(this, id)
  if not job or (job.state ~= 'pending' and job.state ~= 'delayed') then return call('ZREM', this.prefix .. 'expiry', id) end
  pending.unlist_waiting(this, id, job)
  finishing.finish(this, id, job, 'failed', 'expired')
end

local function promote(this, id)
  local job = jobs.read(this, id)
  call('ZREM', this.prefix .. 'delayed', id)
  if not job or job.state ~= 'delayed' then return remains.quarantine(this, id, 'delayed', 'due but not delayed') end
  -- Listed with its class, the workers that refused it would get it again.
  if job.lacking and pending.avoided_is_full(this) and pending.another_fits(this, job.class, job.avoid) then
    call('HSET', this.prefix .. 'job:' .. id, 'due', this.now + policy.avoid_ms)
    return call('ZADD', this.prefix .. 'delayed', this.now + policy.avoid_ms, id)
  end
  pending.to_pending(this, id, job, 'due')
end

local function stop_avoiding(this, id)
  if not jobs.read(this, id) then remains.quarantine(this, id, 'pending', 'avoided, but it cannot be read') end
  pending.end_avoiding(this, id)
end

-- One damaged key must not stop what else is due: it is set aside with the error.
local function do_chores(this, batch, jitter)
  local done = 0
  local function each(key, act)
    for _, id in ipairs(fallen_due(this, key, batch)) do
      local fine, why = pcall(act, this, id, jitter)
      if not fine then
        call('ZREM', this.prefix .. key, id)
        call('HSET', this.prefix .. 'quarantine', id, type(why) == 'table' and why.err or why)
      end
      done = done + 1
    end
  end
  each('leases', reap_lease)
  each('timeouts', reap_overdue)
  each('delayed', promote)
  each('expiry', expire)
  each('avoided.until', stop_avoiding)
  call('XTRIM', this.prefix .. 'progress', 'MAXLEN', '~', policy.progress_kept)
  local before = done
  each('workers', profiles.lose_worker)
  if done > before then pending.review_avoided(this) end
  return done
end

return {
  note_seen = note_seen,
  do_chores = do_chores,
}
