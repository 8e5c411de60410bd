-- claiming: gives a worker the best job that it can do (T3), with the lease, the limits and the lists that go with it.

local function take(this, id, job, worker, nonce, lease)
  if job.workflow then writes.later(this, 'ZREM', this.prefix .. 'workflow.pending:' .. job.workflow, id) end
  -- A worker's list has the jobs that no other claimed after it.
  if job.worker ~= worker then
    if job.worker then remains.leave_claimer(this, id, job.worker) end
    writes.later(this, 'ZADD', this.prefix .. 'worker.jobs:' .. worker, jobs.created_of(this, job), id)
  end
  local begun = job.began
  job.attempt, job.worker, job.nonce = int(job.attempt + 1), worker, nonce
  job.claimed, job.began = this.now_text, begun or this.now_text
  writes.later(this, 'ZADD', this.prefix .. 'leases', int(this.now + lease), id)
  job.ends = jobs.ends_of(job)
  writes.later(this, 'ZADD', this.prefix .. 'timeouts', int(job.ends), id)
  writes.later(this, 'HSET', this.prefix .. 'jobs:active:' .. worker, nonce, id)
  limits.occupy(this, job.class, job.customer, 1)
  if not begun then writes.later(this, 'ZREM', this.prefix .. 'expiry', id) end
  counters.count_one(this, jobs.start_of(job), 1)
  if job.stalls or job.progress or job.message then
    call('HDEL', this.prefix .. 'job:' .. id, 'stalls', 'progress', 'message')
  end
  transitions.transition(this, id, job, 'active', 'claimed', nil, 'worker', worker, 'claim', jobs.claim_of(job))
end

-- What the worker is told of its jobs; the requirements are the class's, which it knows or asks for.
local function handed(this, claimed)
  local told, keys = {}, {}
  for n, claim in ipairs(claimed) do keys[n] = this.prefix .. 'job.payload:' .. claim.id end
  local payloads = keys[1] and call('MGET', unpack(keys))
  for n, claim in ipairs(claimed) do
    local job = claim.job
    told[n] = { claim.answer, claim.id, job.attempt, job.nonce, job.class, (job.ends or jobs.ends_of(job)) - this.now,
      job.gen or 0, job.on_lost or '', job.customer or '', payloads[n] }
  end
  return told
end

-- A listed job whose hash is gone or says otherwise: out of the list, into quarantine, for the janitor to look at.
local function readable_pending(this, id)
  local job = jobs.read(this, id)
  if job and job.state == 'pending' then return job end
  remains.quarantine(this, id, 'pending', 'listed as pending, but it is not')
end

local function past_deadline(this, id, job)
  if job.began or not job.deadline or tonumber(job.deadline) > this.now then return false end
  if job.workflow then call('ZREM', this.prefix .. 'workflow.pending:' .. job.workflow, id) end
  call('ZREM', this.prefix .. 'expiry', id)
  finishing.finish(this, id, job, 'failed', 'expired')
  return true
end

-- Whether a worker may take a listed job: yes, no, or nil if its class is not judged. Parks what is at its limit; then the
-- second answer is whose limit that is.
local function may_take(this, number, class)
  local verdict = verdict_bits.read(this, class, number)
  if verdict < 2 then return nil end
  if verdict == 2 then return false end
  local whose = permits.over_limit(this, class)
  if whose then limits.park(this, class, whose) end
  return not whose, whose
end

-- Jobs that wait for another worker come before the class heads that they outrank. An id, or a class to judge first.
local function take_avoided(this, turn, floor)
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'avoided', '+inf', floor and '(' .. floor or '-inf', 'BYSCORE', 'REV')) do
    local known = jobs.peek(this, id, 'avoid', 'customer', 'workflow')
    local class, customer = known[1], known[3] or nil
    local is_for = turn.customers == '' or waking.has_word(turn.customers, customer)
    if turn.workflow ~= '' then is_for = known[4] == turn.workflow end
    if class and is_for and not waking.has_word(known[2], turn.worker) then
      local may = may_take(this, turn.number, class)
      if may == nil then return nil, class end
      if may then
        call('ZREM', this.prefix .. 'avoided', id)
        call('ZREM', this.prefix .. 'avoided.until', id)
        return id
      end
    end
  end
end

-- The best job of a class, out of its list. If the class is the first head, its next jobs come before all others as long
-- as they stand above the second head: as many as are wanted are taken with it, for the next nonces.
local function take_class(this, class, wanted)
  local key, many, second = this.prefix .. 'jobs:pending:' .. class, 1, nil
  if wanted > 1 then
    local first = call('ZRANGE', this.prefix .. 'heads', '0', '1', 'REV', 'WITHSCORES')
    if first[1] == class then many, second = wanted, tonumber(first[4] or '-1') end
  end
  local best, taken = call('ZRANGE', key, '0', int(many), 'REV', 'WITHSCORES'), {}
  for i = 1, math.min(#best, 2 * many), 2 do
    if i > 1 and tonumber(best[i + 1]) <= second then break end
    taken[#taken + 1] = best[i]
  end
  if taken[1] then call('ZREM', key, unpack(taken)) end
  local left = best[2 * #taken + 2]
  if left then call('ZADD', this.prefix .. 'heads', left, class) else call('ZREM', this.prefix .. 'heads', class) end
  this.tops[class] = nil
  return taken
end

-- Whether jobs wait for another worker, limits are set, or workers are idle. If none of this is so, no claim changes it.
local function is_special(this)
  if this.nothing_special then return false end
  local special = call('EXISTS', this.prefix .. 'avoided', this.prefix .. 'limits', this.prefix .. 'idle.where') > 0
  this.nobody_idle, this.nothing_special, this.no_limits = not special, not special, this.no_limits or not special
  return special
end

-- A worker reserved for a workflow takes from that workflow's jobs only, filtered by the same verdicts.
local function take_of_workflow(this, turn)
  local workflow, known_of, unknown, class = turn.workflow, {}, nil, nil
  local function may(id, score)
    local known = jobs.peek(this, id, 'avoid')
    class = known[1]
    if not class or known[2] and call('ZSCORE', this.prefix .. 'avoided', id) then return false end
    if known_of[class] ~= nil then return known_of[class] end
    local yes, whose = may_take(this, turn.number, class)
    if yes == nil then unknown = class end
    if whose then call('ZADD', this.prefix .. 'parked.workflows:' .. whose, 'GT', score, workflow) end
    known_of[class] = yes
    return yes
  end
  local id, score = workflows.search(this, workflow, turn.profile, may)
  if unknown then return {}, { unknown }, true end
  if id == nil then return {}, {}, false end
  if is_special(this) then
    local other, unjudged = take_avoided(this, turn, id and score)
    if other then call('ZREM', this.prefix .. 'workflow.pending:' .. workflow, other) end
    if other or unjudged then return { other }, { unjudged }, true end
  end
  if not id then return {}, {}, true end
  pending.unlist_pending(this, id, { workflow = workflow, class = class })
  return { id }, {}, true
end

-- Returns ids that are out of their list, the best first, at most `wanted`; the classes to judge first; and whether the
-- search came to its end.
local function take_best(this, turn, wanted)
  if turn.workflow ~= '' then return take_of_workflow(this, turn) end
  for _ = 1, policy.parked_a_call do
    local class, unjudged, done
    if turn.customers == '' then
      class, unjudged, done = picking.pick(this, turn.number)
    else
      class, unjudged, done = shortlists.pick_among(this, turn.profile, turn.number, turn.customers)
    end
    if #unjudged > 0 or not done then return {}, unjudged, done end
    local special = is_special(this)
    local limited = special and call('EXISTS', this.prefix .. 'limits') == 1
    local head = special and class and call('ZSCORE', this.prefix .. 'heads', class)
    if not limited or not limits.reopen(this, head, turn.customers) then
      local whose = limited and class and permits.over_limit(this, class)
      if whose then
        limits.park(this, class, whose)
      else
        local id, unknown
        if special then id, unknown = take_avoided(this, turn, head) end
        if id or unknown then return { id }, { unknown }, true end
        return class and take_class(this, class, special and 1 or wanted) or {}, unjudged, true
      end
    end
    if this.looked >= policy.pick_budget then break end
  end
  return {}, {}, false
end

-- The next job that can be claimed. Ends the call early if very many jobs are past their deadline.
local function next_job(this, turn, wanted)
  for _ = 1, 50 do
    local unjudged, done
    if not turn.taken[1] then
      if this.looked >= policy.pick_budget then return nil, nil, {}, false end
      turn.taken, unjudged, done = take_best(this, turn, wanted)
      if not turn.taken[1] then return nil, nil, unjudged, done end
    end
    local id = table.remove(turn.taken, 1)
    local job = readable_pending(this, id)
    if job and not (job.deadline and past_deadline(this, id, job)) then return id, job, {}, true end
  end
  return nil, nil, {}, false
end

-- Once for all jobs of a customer, or of a class without one: who is woken goes on with it.
local function pass_permits(this, claimed)
  local classes = {}
  for _, claim in ipairs(claimed) do
    local job = claim.job
    classes[job.customer or job.class .. ' '] = job.class
  end
  for _, class in pairs(classes) do waking.wake_next(this, class) end
end

-- A nonce that has its job gets it again (the reply was lost), whatever the worker's state.
local function held_by(this, worker, nonces)
  local claimed, free = {}, {}
  local held = call('HMGET', this.prefix .. 'jobs:active:' .. worker, unpack(nonces))
  for n, nonce in ipairs(nonces) do
    local id = held[n]
    local job = id and jobs.read(this, id)
    if job and job.nonce == nonce then
      claimed[#claimed + 1] = { answer = 'already', id = id, job = job }
    else
      free[#free + 1] = nonce
    end
  end
  return claimed, free
end

-- A job for each nonce. `turn`: profile and its number, worker, nonces (a list), lease, workflow and customers ('' or words).
-- Returns the claimed jobs, the classes to judge first, whether the search came to its end, and whether it found nothing.
local function claim_all(this, ready, turn)
  local claimed, free = held_by(this, turn.worker, turn.nonces)
  if not ready or not free[1] then return claimed, {}, true, false end
  local unjudged, done, nothing
  turn.taken = {}
  writes.together(this, function()
    for n, nonce in ipairs(free) do
      local id, job
      id, job, unjudged, done = next_job(this, turn, #free - n + 1)
      nothing = not id and done and #unjudged == 0
      if not id then return end
      take(this, id, job, turn.worker, nonce, turn.lease)
      claimed[#claimed + 1] = { answer = 'ok', id = id, job = job }
    end
  end)
  if #claimed > 0 and not this.nobody_idle and call('EXISTS', this.prefix .. 'limits') == 1 then pass_permits(this, claimed) end
  return claimed, unjudged, done, nothing
end

return {
  handed = handed,
  claim_all = claim_all,
}
