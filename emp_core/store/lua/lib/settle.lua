-- settle: what a worker reports of an attempt. `ok`: written. `already`: it had been. `stale`: not its job any more.
--
-- USES ending fence
-- RARE settle_all

local some_failed = false

-- Data: complete: the result; fail: `error|permanent job|worker|backend code message` and a line feed, then the
-- failure, whose own code and message these are; release and return (before the run began): why; mismatch: `lacks` and what.
local function settle(worker, jitter, verb, id, attempt, nonce, data)
  local job = read_job(id)
  if not job or not holds_claim(job, worker, attempt, nonce) then return refusal(job, attempt, nonce) end
  if job.state == 'cancelling' then
    to_cancelled(id, job, verb)
    return verb == 'cancelled' and 'ok' or 'cancel'
  end
  if verb == 'complete' and (job.state == 'active' or job.state == 'pending') then
    local special = call('EXISTS', P .. 'limits', P .. 'job.children:' .. id, P .. 'worker.failures:' .. worker,
      P .. 'worker.refusals:' .. worker) > 0
    if not special then no_limits, childless = true, id end
    complete(id, job, data)
    ran_well(worker, job.class, special)
    if job.lacking then blame_refusers(job, worker) end
    return 'ok'
  end
  if job.state ~= 'active' then return 'stale' end
  if verb == 'fail' then
    local code, blame, cause, message, detail = string.match(data, '^(%l+) (%l+) ?(%S*) ?([^\n]*)\n(.*)$')
    fail(id, job, code, code ~= 'permanent', jitter, detail, message, cause)
    call('HSET', P .. 'worker:' .. worker, 'failed', now_text .. ' ' .. id .. ' ' .. (cause ~= '' and cause or code))
    ran_badly(worker, job.class, blame)
    some_failed = true
  elseif verb == 'cancelled' then
    return 'stale'
  elseif verb == 'mismatch' then
    mismatch(id, job, data)
    note_refusal(worker, job.class)
  else
    release(id, job, data, verb == 'release')
  end
  return 'ok'
end

-- The reports that begin at ARGV[first]; an answer for each.
local function settle_all(worker, jitter, first, width)
  return counting(function()
    local answers = {}
    for i = first, #ARGV, width do
      answers[#answers + 1] = settle(worker, jitter, unpack(ARGV, i, i + width - 1))
    end
    return answers
  end)
end
