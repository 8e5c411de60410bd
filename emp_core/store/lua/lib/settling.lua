-- settling: what a worker reports of an attempt. `ok`: written. `already`: it had been. `stale`: not its job any more.

-- Whether limits are set, jobs depend on those that are settled, or the worker failed or refused jobs before.
local function is_special(this, worker)
  if this.plain then return false end
  local special = call('EXISTS', this.prefix .. 'limits', this.prefix .. 'worker.failures:' .. worker,
    this.prefix .. 'worker.refusals:' .. worker) > 0
  this.plain, this.no_limits = not special, this.no_limits or not special
  return special
end

-- Data: complete: the result; fail: `error|permanent job|worker|backend code message` and a line feed, then the
-- failure, whose own code and message these are; release and return (before the run began): why; mismatch: `lacks` and what.
local function settle(this, worker, jitter, report)
  local verb, id, attempt, nonce, data = report.verb, report.job, report.attempt, report.nonce, report.data or ''
  local job = jobs.read(this, id)
  if not job or not active.holds_claim(job, worker, attempt, nonce) then return active.refusal(job, attempt, nonce) end
  if job.state == 'cancelling' then
    ending.to_cancelled(this, id, job, verb)
    return verb == 'cancelled' and 'ok' or 'cancel'
  end
  if verb == 'complete' and (job.state == 'active' or job.state == 'pending') then
    local special = is_special(this, worker)
    ending.complete(this, id, job, data)
    fencing.ran_well(this, worker, job.class, special)
    if job.lacking then fencing.blame_refusers(this, job, worker) end
    return 'ok'
  end
  if job.state ~= 'active' then return 'stale' end
  if verb == 'fail' then
    local code, blame, cause, message, detail = string.match(data, '^(%l+) (%l+) ?(%S*) ?([^\n]*)\n(.*)$')
    ending.fail(this, id, job, code, code ~= 'permanent', jitter, detail, message, cause)
    call('HSET', this.prefix .. 'worker:' .. worker, 'failed', this.now_text .. ' ' .. id .. ' ' .. (cause ~= '' and cause or code))
    fencing.ran_badly(this, worker, job.class, blame)
    this.some_failed, this.plain = true, false
  elseif verb == 'cancelled' then
    return 'stale'
  elseif verb == 'mismatch' then
    ending.mismatch(this, id, job, data)
    fencing.note_refusal(this, worker, job.class)
    this.plain = false
  else
    ending.release(this, id, job, data, verb == 'release')
  end
  return 'ok'
end

-- An answer for each report.
local function settle_all(this, worker, jitter, reports)
  local answers, children = {}, {}
  for n, report in ipairs(reports) do children[n] = this.prefix .. 'job.children:' .. report.job end
  this.plain = call('EXISTS', this.prefix .. 'limits', this.prefix .. 'worker.failures:' .. worker,
    this.prefix .. 'worker.refusals:' .. worker, unpack(children)) == 0
  this.no_limits = this.plain
  this.childless = this.plain or call('EXISTS', unpack(children)) == 0
  writes.together(this, function()
    for n, report in ipairs(reports) do answers[n] = settle(this, worker, jitter, report) end
  end)
  this.childless = false
  return answers
end

return {
  settle_all = settle_all,
}
