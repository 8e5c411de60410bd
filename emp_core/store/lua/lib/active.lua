-- active: the claim that a job is under: its lease, its limits, its place in its worker's list.

-- Same attempt, same nonce, not closed: the fence of the contract.
local function holds_claim(job, worker, attempt, nonce)
  local signed = attempt .. ' ' .. nonce .. ' '
  return nonce ~= '-' and job.worker == worker and string.sub(job.claim or '', 1, #signed) == signed
end

-- The answer to a write of somebody who does not hold the claim.
local function refusal(job, attempt, nonce)
  return job and job.fin == attempt .. ' ' .. nonce and 'already' or 'stale'
end

-- The job runs no more; its claim may stay open (T9).
local function leave(this, id, job)
  writes.later(this, 'ZREM', this.prefix .. 'leases', id)
  writes.later(this, 'ZREM', this.prefix .. 'timeouts', id)
  writes.later(this, 'HDEL', this.prefix .. 'jobs:active:' .. job.worker, job.nonce)
  limits.occupy(this, job.class, job.customer, -1)
end

-- `fin` tells the holder who repeats its call that it was applied; nobody is told so of a claim that others closed.
local function close_claim(this, id, job, by_holder)
  local key, fin = this.prefix .. 'job:' .. id, by_holder and job.attempt .. ' ' .. job.nonce
  job.nonce = nil
  if fin then call('HSET', key, 'claim', jobs.claim_of(job), 'fin', fin) else call('HSET', key, 'claim', jobs.claim_of(job)) end
end

-- Nothing ran: the claim counts as a start no longer.
local function take_back_start(this, job)
  counters.count_one(this, jobs.start_of(job), -1, job.claimed)
end

-- What became of an attempt that did not complete, for `emp job show`.
local function note_attempt(this, id, job, outcome, detail)
  local key = this.prefix .. 'job.attempts:' .. id
  local words = { job.attempt, job.worker, job.claimed, this.now, outcome }
  call('RPUSH', key, table.concat(words, ' ') .. '\n' .. (detail or ''))
  call('LTRIM', key, -policy.attempts_kept, -1)
end

-- The workers that the job waits to avoid, the latest first. Those that lack what it needs stay the only ones: a job that
-- is held back from them for long must not wait for others too.
local function avoiding(job)
  if job.lacking then return job.avoid end
  local names = { job.worker }
  for name in string.gmatch(job.avoid or '', '%S+') do
    if name ~= job.worker and #names < policy.avoid_workers then names[#names + 1] = name end
  end
  return table.concat(names, ' ')
end

return {
  holds_claim = holds_claim,
  refusal = refusal,
  leave = leave,
  close_claim = close_claim,
  take_back_start = take_back_start,
  note_attempt = note_attempt,
  avoiding = avoiding,
}
