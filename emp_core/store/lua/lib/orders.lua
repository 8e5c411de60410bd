-- orders: what a person ordered: the job that it is about, and its line in the audit.
--
-- `by`: role, actor and request id of the caller, as three words. It is empty if the program acts by itself, as retention
-- does: such an order is not in the audit.

-- `result`: done, unchanged or refused.
local function audit(this, by, reason, verb, kind, subject, before, after, result, customer)
  if by == '' then return end
  local words = { verb, kind, subject, before, after, result, customer or '', by }
  call('XADD', this.prefix .. 'audit', 'MAXLEN', '~', as_text.audit_kept, '*', 'e', table.concat(words, ' '), 'reason', reason)
end

-- The job of an order; nil if there is none, or it is another customer's. Its next event ends with who gives the order.
local function job(this, verb, id, customer, by, reason)
  local job = jobs.read(this, id)
  if not job or customer ~= '' and job.customer ~= customer then return nil end
  if by ~= '' then job.signed = (job.customer or '') .. string.match(by, ' .*') end
  job.order = { verb = verb, id = id, by = by, reason = reason, before = job.held and 'held' or job.state }
  return job
end

-- What came of the order to a job. `after`: its state, if that changed.
local function note(this, job, result, after)
  local order = job.order
  audit(this, order.by, order.reason, order.verb, 'job', order.id, order.before, after or order.before, result, job.customer)
end

-- The state that forbids the order, as it is shown: a held job is `held`.
local function refuse(this, job)
  note(this, job, 'refused')
  return job.order.before
end

-- It is on its way between two queues (T23): only the move changes it.
local function refuse_moving(this, job)
  note(this, job, 'refused')
  return 'moving'
end

-- Whether another command has taken over the moves between this queue and that of `mark`.
local function is_superseded(this, mark, command)
  return (call('GET', this.prefix .. 'move.command:' .. string.match(mark, '%S+$')) or '') ~= command
end

return {
  audit = audit,
  job = job,
  note = note,
  refuse = refuse,
  refuse_moving = refuse_moving,
  is_superseded = is_superseded,
}
