-- ending: how an attempt ends: complete (T6), fail (T7, T10), release (T8), lose (T9), cancelled (T13).
--
-- USES active finish
-- RARE to_cancelled fail release lose mismatch mismatch_failure keep_error

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

-- For lists: one line of the message, cut to 200 bytes. A byte of 128 to 191 continues a character of UTF-8.
local function keep_error(id, message)
  local line, last = string.gsub(message, '[%c%s]+', ' '), POLICY.error_bytes
  if #line > last then
    while string.find(line, '^[\128-\191]', last + 1) do last = last - 1 end
    line = string.sub(line, 1, last)
  end
  call('HSET', P .. 'job:' .. id, 'error', line)
end

-- `jitter` 0.5 to 1.5 from the caller; the place in line stays, so a job that backs off is in front again once due.
-- `detail`: the failure as JSON, with its message. `cause`: the holder's own code for it; none if a limit ended the attempt.
local function fail(id, job, code, retryable, jitter, detail, message, cause)
  leave_active(id, job)
  close_claim(id, job, cause)
  note_attempt(id, job, code, detail)
  keep_error(id, message)
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

-- The failure of a job that no worker can validate, and its message: what each of `refusers` (words) lacks, from their
-- notes.
local function mismatch_failure(id, refusers, count)
  local said, lacks, notes = {}, {}, call('LRANGE', P .. 'job.attempts:' .. id, 0, -1)
  for i = #notes, 1, -1 do
    local worker, words = string.match(notes[i], '^%S+ (%S+) %S+ %S+ mismatch\n(.*)$')
    if has_word(refusers, worker) and not lacks[worker] then
      lacks[worker] = words
      table.insert(said, 1, worker .. ' ' .. words)
    end
  end
  local whole = count > POLICY.mismatch_workers and '' or ', and no other live worker fits'
  local message = 'refused by ' .. count .. (count == 1 and ' worker' or ' workers') .. whole .. ': ' .. table.concat(said, '; ')
  return cjson.encode({ message = message, retryable = false, blame = 'job', code = 'mismatch', detail = lacks }), message
end

-- The worker's backend lacks a node or a model that the job needs, so nothing began: others get it, at most
-- `mismatch_workers` of them, and never one that refused it while another fits.
local function mismatch(id, job, words)
  leave_active(id, job)
  take_back_start(job)
  close_claim(id, job, true)
  note_attempt(id, job, 'mismatch', words)
  local refusers = job.lacking and job.avoid or job.worker
  if not has_word(refusers, job.worker) then refusers = job.worker .. ' ' .. refusers end
  local _, count = string.gsub(refusers, '%S+', '')
  if count > POLICY.mismatch_workers or not another_fits(job.class, refusers) then
    job.failures = (tonumber(job.failures) or 0) + 1
    local detail, message = mismatch_failure(id, refusers, count)
    keep_error(id, message)
    return fail_for_good(id, job, 'permanent', detail)
  end
  job.releases = (tonumber(job.releases) or 0) + 1
  if job.releases > POLICY.max_releases then return fail_for_good(id, job, 'rejected') end
  job.avoid, job.lacking = refusers, 1
  if job.began == job.claimed then
    job.began = nil
    watch_expiry(id, ttl_at_of(job), job.deadline)
  end
  local changes = { 'releases', job.releases, 'avoid', job.avoid, 'lacking', 1, 'claim', claim_of(job) }
  if avoided_is_full() then
    to_delayed(id, job, 'released', 'mismatch', now + POLICY.avoid_ms, unpack(changes))
  else
    to_pending(id, job, 'released', 'mismatch', unpack(changes))
  end
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
