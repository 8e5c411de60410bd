-- ending: how an attempt ends: complete (T6), fail (T7, T10), release (T8), lose (T9), cancelled (T13).
--
-- USES active finish
-- RARE to_cancelled fail release lose

-- `verb`: what the holder said; none where it said nothing in time.
local function to_cancelled(id, job, verb)
  leave_active(id, job)
  close_claim(id, job, verb)
  note_attempt(id, job, 'cancelled')
  finish(id, job, 'cancelled', verb == 'complete' and 'late_result' or nil)
end

local function complete(id, job, result)
  if job.state == 'active' then leave_active(id, job) else unlist_waiting(id, job) end
  if result ~= '' then call('SET', P .. 'job.result:' .. id, result) end
  local fin = job.attempt .. ' ' .. job.nonce
  job.nonce = nil
  finish(id, job, 'completed', nil, 'fin', fin, 'claim', claim_of(job))
end

local function fail_for_good(id, job, code, detail)
  if detail then call('SET', P .. 'job.result:' .. id, detail) end
  finish(id, job, 'failed', code, 'failures', job.failures or 0, 'losses', job.losses or 0, 'releases', job.releases or 0)
end

-- `jitter` 0.5 to 1.5 from the caller; the place in line stays, so a job that backs off is in front again once due.
-- `detail`, `cause`: the holder's own words and its code; none where a limit ended the attempt.
local function fail(id, job, code, retryable, jitter, detail, cause)
  leave_active(id, job)
  close_claim(id, job, detail)
  note_attempt(id, job, code, detail)
  if cause or job.cause then call('HSET', P .. 'job:' .. id, 'cause', cause or '') end
  job.failures = (tonumber(job.failures) or 0) + 1
  if not retryable or job.failures >= tonumber(job.max_failures) then
    return fail_for_good(id, job, code, detail)
  end
  local failures = job.failures
  job.avoid = avoiding(job)
  to_delayed(id, job, 'retrying', code, math.floor(now + POLICY.backoff_ms), 'failures', job.failures, 'avoid', job.avoid)
end

local function release(id, job, reason, begun)
  leave_active(id, job)
  close_claim(id, job, true)
  note_attempt(id, job, 'released', reason)
  job.releases = (tonumber(job.releases) or 0) + 1
  if begun and job.on_lost == 'fail' then return fail_for_good(id, job, 'lost') end
  if job.releases > POLICY.max_releases then return fail_for_good(id, job, 'rejected') end
  job.avoid = avoiding(job)
  to_pending(id, job, 'released', 'worker', 'releases', job.releases, 'avoid', job.avoid)
end

-- The lease ran out: the claim stays open, so that its holder may come back before anybody else takes the job.
local function lose(id, job)
  leave_active(id, job)
  note_attempt(id, job, 'lost')
  job.losses = (tonumber(job.losses) or 0) + 1
  local code = job.on_lost == 'fail' and 'lost' or job.losses >= POLICY.max_losses and 'poison'
  if code then
    close_claim(id, job)
    return fail_for_good(id, job, code)
  end
  job.avoid = avoiding(job)
  to_pending(id, job, 'lost', nil, 'losses', job.losses, 'avoid', job.avoid)
end
