-- ending: how an attempt ends: complete (T6), fail (T7, T10), release (T8), lose (T9), cancelled (T13).

-- `verb`: what the holder said; none if it said nothing in time.
local function to_cancelled(this, id, job, verb)
  active.leave(this, id, job)
  active.close_claim(this, id, job, verb)
  active.note_attempt(this, id, job, 'cancelled')
  finishing.finish(this, id, job, 'cancelled', verb == 'complete' and 'late_result' or nil)
end

local function complete(this, id, job, result)
  if job.state == 'active' then active.leave(this, id, job) else pending.unlist_waiting(this, id, job) end
  if result ~= '' then writes.keep(this, this.prefix .. 'job.result:' .. id, result) end
  local fin = job.attempt .. ' ' .. job.nonce
  job.nonce = nil
  finishing.finish(this, id, job, 'completed', nil, 'fin', fin, 'claim', jobs.claim_of(job))
end

local function fail_for_good(this, id, job, code, detail)
  if detail then call('SET', this.prefix .. 'job.result:' .. id, detail) end
  finishing.finish(this, id, job, 'failed', code, 'failures', job.failures or 0, 'losses', job.losses or 0, 'releases',
    job.releases or 0)
end

-- For lists: one line of the message, cut to 200 bytes. A byte of 128 to 191 continues a character of UTF-8.
local function keep_error(this, id, message)
  local line, last = string.gsub(message, '[%c%s]+', ' '), policy.error_bytes
  if #line > last then
    while string.find(line, '^[\128-\191]', last + 1) do last = last - 1 end
    line = string.sub(line, 1, last)
  end
  call('HSET', this.prefix .. 'job:' .. id, 'error', line)
end

-- `jitter` 0.5 to 1.5 from the caller; the place in line stays, so a job that backs off is in front again once due.
-- `detail`: the failure as JSON, with its message. `cause`: the holder's own code for it; none if a limit ended the attempt.
local function fail(this, id, job, code, retryable, jitter, detail, message, cause)
  active.leave(this, id, job)
  active.close_claim(this, id, job, cause)
  active.note_attempt(this, id, job, code, detail)
  keep_error(this, id, message)
  if cause or job.cause then call('HSET', this.prefix .. 'job:' .. id, 'cause', cause or '') end
  job.failures = (tonumber(job.failures) or 0) + 1
  if not retryable or job.failures >= tonumber(job.max_failures) then
    return fail_for_good(this, id, job, code, detail)
  end
  job.avoid = active.avoiding(job)
  local due = math.floor(this.now + policy.backoff_ms(job.failures, jitter))
  pending.to_delayed(this, id, job, 'retrying', code, due, 'failures', job.failures, 'avoid', job.avoid)
end

local function release(this, id, job, reason, begun)
  active.leave(this, id, job)
  active.close_claim(this, id, job, true)
  active.note_attempt(this, id, job, 'released', reason)
  job.releases = (tonumber(job.releases) or 0) + 1
  if begun and job.on_lost == 'fail' then return fail_for_good(this, id, job, 'lost') end
  if job.releases > policy.max_releases then return fail_for_good(this, id, job, 'rejected') end
  job.avoid = active.avoiding(job)
  pending.to_pending(this, id, job, 'released', 'worker', 'releases', job.releases, 'avoid', job.avoid)
end

-- The failure of a job that no worker can validate, and its message: what each of `refusers` (words) lacks, from their
-- notes.
local function mismatch_failure(this, id, refusers, count)
  local said, lacks, notes = {}, {}, call('LRANGE', this.prefix .. 'job.attempts:' .. id, 0, -1)
  for i = #notes, 1, -1 do
    local worker, words = string.match(notes[i], '^%S+ (%S+) %S+ %S+ mismatch\n(.*)$')
    if waking.has_word(refusers, worker) and not lacks[worker] then
      lacks[worker] = words
      table.insert(said, 1, worker .. ' ' .. words)
    end
  end
  local whole = count > policy.mismatch_workers and '' or ', and no other live worker fits'
  local message = 'refused by ' .. count .. (count == 1 and ' worker' or ' workers') .. whole .. ': ' .. table.concat(said, '; ')
  return cjson.encode({ message = message, retryable = false, blame = 'job', code = 'mismatch', detail = lacks }), message
end

-- The worker's backend lacks a node or a model that the job needs, so nothing began: others get it, at most
-- `mismatch_workers` of them, and never one that refused it while another fits.
local function mismatch(this, id, job, words)
  active.leave(this, id, job)
  active.take_back_start(this, job)
  active.close_claim(this, id, job, true)
  active.note_attempt(this, id, job, 'mismatch', words)
  local refusers = job.lacking and job.avoid or job.worker
  if not waking.has_word(refusers, job.worker) then refusers = job.worker .. ' ' .. refusers end
  local _, count = string.gsub(refusers, '%S+', '')
  if count > policy.mismatch_workers or not pending.another_fits(this, job.class, refusers) then
    job.failures = (tonumber(job.failures) or 0) + 1
    local detail, message = mismatch_failure(this, id, refusers, count)
    keep_error(this, id, message)
    return fail_for_good(this, id, job, 'permanent', detail)
  end
  job.releases = (tonumber(job.releases) or 0) + 1
  if job.releases > policy.max_releases then return fail_for_good(this, id, job, 'rejected') end
  job.avoid, job.lacking = refusers, 1
  if job.began == job.claimed then
    job.began = nil
    pending.watch_expiry(this, id, jobs.ttl_at_of(job), job.deadline)
  end
  local changes = { 'releases', job.releases, 'avoid', job.avoid, 'lacking', 1, 'claim', jobs.claim_of(job) }
  if pending.avoided_is_full(this) then
    pending.to_delayed(this, id, job, 'released', 'mismatch', this.now + policy.avoid_ms, unpack(changes))
  else
    pending.to_pending(this, id, job, 'released', 'mismatch', unpack(changes))
  end
end

-- The lease ran out: the claim stays open, so that its holder may come back before anybody else takes the job.
local function lose(this, id, job)
  active.leave(this, id, job)
  active.note_attempt(this, id, job, 'lost')
  job.losses = (tonumber(job.losses) or 0) + 1
  local code = job.on_lost == 'fail' and 'lost' or job.losses >= policy.max_losses and 'poison'
  if code then
    active.close_claim(this, id, job)
    return fail_for_good(this, id, job, code)
  end
  job.avoid = active.avoiding(job)
  pending.to_pending(this, id, job, 'lost', nil, 'losses', job.losses, 'avoid', job.avoid)
end

return {
  to_cancelled = to_cancelled,
  complete = complete,
  fail_for_good = fail_for_good,
  fail = fail,
  release = release,
  mismatch = mismatch,
  lose = lose,
}
