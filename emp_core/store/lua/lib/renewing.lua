-- renewing: one lease, renewed (T4) or taken up again after it ran out and nobody else took the job (T4b).

-- Why the job is not this claim's any more, in words for a person.
local function why_lost(this, id, job, attempt)
  if not job then return 'lost:deleted' end
  if tonumber(job.attempt) > tonumber(attempt) then return 'lost:superseded' end
  local last = call('LINDEX', this.prefix .. 'job.attempts:' .. id, -1)
  local outcome = last and string.match(last, '^%S+ %S+ %S+ %S+ (%l+)')
  if outcome == 'timeout' or outcome == 'stalled' then return 'lost:' .. outcome end
  return 'lost:released'
end

local function readopt(this, id, job, worker, lease)
  pending.unlist_pending(this, id, job)
  call('ZADD', this.prefix .. 'leases', this.now + lease, id)
  call('ZADD', this.prefix .. 'timeouts', int(math.min(jobs.ends_of(job), tonumber(job.stalls) or math.huge)), id)
  call('HSET', this.prefix .. 'jobs:active:' .. worker, job.nonce, id)
  limits.occupy(this, job.class, job.customer, 1)
  transitions.transition(this, id, job, 'active', 'readopted', nil, 'losses', (tonumber(job.losses) or 1) - 1)
end

local function renew(this, worker, lease, id, attempt, nonce)
  local job = jobs.read(this, id)
  if not job then call('HDEL', this.prefix .. 'jobs:active:' .. worker, nonce) end
  if not job or not active.holds_claim(job, worker, attempt, nonce) then return why_lost(this, id, job, attempt) end
  if job.state == 'cancelling' or job.state == 'cancelled' then return 'cancel' end
  if job.state == 'active' then
    call('ZADD', this.prefix .. 'leases', int(this.now + lease), id)
  elseif job.state == 'pending' then
    readopt(this, id, job, worker, lease)
  else
    return 'stale'
  end
  return 'ok'
end

return {
  renew = renew,
}
