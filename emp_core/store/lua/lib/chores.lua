-- chores: what time does: leases end, limits pass, delayed jobs fall due, workers are lost. Done by hubs, and by claims and beats.
--
-- USES now ending profiles remains
-- RARE move_on overdue_failure do_chores

-- When nobody spoke to Redis for a while nobody could renew: every lease and cancel grace moves on by the gap plus one lease.
local function move_on(key, by)
  local open = call('ZRANGE', P .. key, 0, -1, 'WITHSCORES')
  for from = 1, #open, 1000 do
    local moved = {}
    for i = from, math.min(from + 999, #open), 2 do
      moved[#moved + 1] = open[i + 1] + by
      moved[#moved + 1] = open[i]
    end
    call('ZADD', P .. key, 'XX', unpack(moved))
  end
end

-- True where it is time for chores: at most ten times a second over the whole fleet.
local function note_seen(lease)
  local seen = tonumber(call('GET', P .. 'seen')) or 0
  if now >= seen and now - seen < POLICY.chore_every_ms then return false end
  call('SET', P .. 'seen', now)
  if seen == 0 then return true end
  if now - seen > math.max(lease / 2, POLICY.outage_ms) then
    move_on('leases', now - seen + lease)
    move_on('workers', now - seen + lease)
  end
  return true
end

local function fallen_due(key, batch)
  return call('ZRANGE', P .. key, '-inf', now, 'BYSCORE', 'LIMIT', 0, batch)
end

local function reap_lease(id)
  local job = read_job(id)
  if job and job.state == 'active' then lose(id, job)
  elseif job and job.state == 'cancelling' then to_cancelled(id, job)
  else
    call('ZREM', P .. 'leases', id)
    call('ZREM', P .. 'timeouts', id)
    quarantine(id, nil, 'a lease without an active job')
  end
end

-- The failure of an attempt that a limit ended, and its message: which limit, and what was last heard of the attempt.
local function overdue_failure(job, code)
  local seconds = string.format('%g', (code == 'timeout' and ends_of(job) - job.claimed or POLICY.stall_ms) / 1000)
  local message = code == 'timeout' and 'took longer than its limit of ' .. seconds .. ' s' or 'made no progress for ' .. seconds .. ' s'
  if job.message and job.message ~= '' then message = message .. '; last message: ' .. job.message end
  return cjson.encode({ message = message, retryable = true, blame = 'job', code = code }), message
end

-- A stall limit that moved on with progress is looked at again when it is really due.
local function reap_overdue(id, jitter)
  local job = read_job(id)
  if not job or job.state ~= 'active' then return call('ZREM', P .. 'timeouts', id) end
  local ends, stalls = ends_of(job), tonumber(job.stalls) or math.huge
  if math.min(ends, stalls) > now then return call('ZADD', P .. 'timeouts', math.min(ends, stalls), id) end
  local code = ends <= now and 'timeout' or 'stalled'
  fail(id, job, code, true, jitter, overdue_failure(job, code))
end

local function expire(id)
  local job = read_job(id)
  if not job or (job.state ~= 'pending' and job.state ~= 'delayed') then return call('ZREM', P .. 'expiry', id) end
  unlist_waiting(id, job)
  finish(id, job, 'failed', 'expired')
end

local function promote(id)
  local job = read_job(id)
  call('ZREM', P .. 'delayed', id)
  if not job or job.state ~= 'delayed' then return quarantine(id, 'delayed', 'due but not delayed') end
  -- Listed with its class, the workers that refused it would get it again.
  if job.lacking and avoided_is_full() and another_fits(job.class, job.avoid) then
    call('HSET', P .. 'job:' .. id, 'due', now + POLICY.avoid_ms)
    return call('ZADD', P .. 'delayed', now + POLICY.avoid_ms, id)
  end
  to_pending(id, job, 'due')
end

local function stop_avoiding(id)
  if not read_job(id) then quarantine(id, 'pending', 'avoided, but it cannot be read') end
  end_avoiding(id)
end

-- One damaged key must not stop what else is due: it is set aside with the error.
local function do_chores(batch, jitter)
  local done = 0
  local function each(key, act)
    for _, id in ipairs(fallen_due(key, batch)) do
      local fine, why = pcall(act, id, jitter)
      if not fine then
        call('ZREM', P .. key, id)
        call('HSET', P .. 'quarantine', id, type(why) == 'table' and why.err or why)
      end
      done = done + 1
    end
  end
  each('leases', reap_lease)
  each('timeouts', reap_overdue)
  each('delayed', promote)
  each('expiry', expire)
  each('avoided.until', stop_avoiding)
  call('XTRIM', P .. 'progress', 'MAXLEN', '~', POLICY.progress_kept)
  local before = done
  each('workers', lose_worker)
  if done > before then review_avoided() end
  return done
end
