-- renew: one lease, renewed (T4) or taken up again after it ran out and nobody else took the job (T4b).
--
-- USES active pending

-- Why the job is not this claim's any more, in words for a person.
local function why_lost(id, job, attempt)
  if not job then return 'lost:deleted' end
  if tonumber(job.attempt) > tonumber(attempt) then return 'lost:superseded' end
  local last = call('LINDEX', P .. 'job.attempts:' .. id, -1)
  local outcome = last and string.match(last, '^%S+ %S+ %S+ %S+ (%l+)')
  if outcome == 'timeout' or outcome == 'stalled' then return 'lost:' .. outcome end
  return 'lost:released'
end

local function readopt(id, job, worker, lease)
  unlist_pending(id, job)
  call('ZADD', P .. 'leases', now + lease, id)
  call('ZADD', P .. 'timeouts', int(math.min(ends_of(job), tonumber(job.stalls) or math.huge)), id)
  call('HSET', P .. 'jobs:active:' .. worker, job.nonce, id)
  occupy(job.class, job.customer, 1)
  transition(id, job, 'active', 'readopted', nil, 'losses', (tonumber(job.losses) or 1) - 1)
end

local function renew(worker, lease, id, attempt, nonce)
  local job = read_job(id)
  if not job then call('HDEL', P .. 'jobs:active:' .. worker, nonce) end
  if not job or not holds_claim(job, worker, attempt, nonce) then return why_lost(id, job, attempt) end
  if job.state == 'cancelling' or job.state == 'cancelled' then return 'cancel' end
  if job.state == 'active' then
    call('ZADD', P .. 'leases', int(now + lease), id)
  elseif job.state == 'pending' then
    readopt(id, job, worker, lease)
  else
    return 'stale'
  end
  return 'ok'
end
