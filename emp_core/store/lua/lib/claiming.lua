-- claiming: gives a worker the best job that it can do (T3), with the lease, the limits and the lists that go with it.

local function take(this, id, job, worker, nonce, lease)
  if job.workflow then call('ZREM', this.prefix .. 'workflow.pending:' .. job.workflow, id) end
  -- A worker's list has the jobs that no other claimed after it.
  if job.worker ~= worker then
    if job.worker then call('ZREM', this.prefix .. 'worker.jobs:' .. job.worker, id) end
    call('ZADD', this.prefix .. 'worker.jobs:' .. worker, jobs.created_of(this, job), id)
  end
  local begun = job.began
  job.attempt, job.worker, job.nonce, job.claimed, job.began = int(job.attempt + 1), worker, nonce, this.now_text, begun or this.now_text
  call('ZADD', this.prefix .. 'leases', int(this.now + lease), id)
  job.ends = jobs.ends_of(job)
  call('ZADD', this.prefix .. 'timeouts', int(job.ends), id)
  call('HSET', this.prefix .. 'jobs:active:' .. worker, nonce, id)
  limits.occupy(this, job.class, job.customer, 1)
  if not begun then call('ZREM', this.prefix .. 'expiry', id) end
  counters.count_one(this, jobs.start_of(job), 1)
  if job.stalls or job.progress or job.message then
    call('HDEL', this.prefix .. 'job:' .. id, 'stalls', 'progress', 'message')
  end
  transitions.transition(this, id, job, 'active', 'claimed', nil, 'worker', worker, 'claim', jobs.claim_of(job))
end

-- What the worker is told of its jobs; the requirements are the class's, which it knows or asks for.
local function handed(this, claimed)
  local told = {}
  for n, claim in ipairs(claimed) do
    local id, job = claim.id, claim.job
    told[n] = { claim.answer, id, job.attempt, job.nonce, job.class, (job.ends or jobs.ends_of(job)) - this.now, job.gen or 0,
      job.on_lost or '', job.customer or '', call('GET', this.prefix .. 'job.payload:' .. id) or false }
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

-- Whether a worker may take a listed job: yes, no, or nil where its class is not judged. Parks what is at its limit.
local function may_take(this, number, class)
  local verdict = verdict_bits.read(this, class, number)
  if verdict < 2 then return nil end
  if verdict == 2 then return false end
  local whose = permits.over_limit(this, class)
  if whose then limits.park(this, class, whose) end
  return not whose
end

-- Jobs that wait for another worker come before the class heads that they outrank. An id, or a class to judge first.
local function take_avoided(this, number, worker, customers, floor)
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'avoided', '+inf', floor and '(' .. floor or '-inf', 'BYSCORE', 'REV')) do
    local known = jobs.peek(this, id, 'avoid', 'customer')
    local class, customer = known[1], known[3] or nil
    if class and not waking.has_word(known[2], worker) and (customers == '' or waking.has_word(customers, customer)) then
      local may = may_take(this, number, class)
      if may == nil then return nil, class end
      if may then
        call('ZREM', this.prefix .. 'avoided', id)
        call('ZREM', this.prefix .. 'avoided.until', id)
        return id
      end
    end
  end
end

local function take_class(this, class)
  local key = this.prefix .. 'jobs:pending:' .. class
  local best = call('ZRANGE', key, '0', '1', 'REV')
  if best[1] then call('ZREM', key, best[1]) end
  if best[2] then call('ZADD', this.prefix .. 'heads', call('ZSCORE', key, best[2]), class) else call('ZREM', this.prefix .. 'heads', class) end
  return best[1]
end

-- A worker reserved for a workflow takes from that workflow's jobs only, filtered by the same verdicts.
local function take_of_workflow(this, number, worker, workflow)
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'workflow.pending:' .. workflow, 0, -1, 'REV')) do
    local known = jobs.peek(this, id, 'avoid')
    local class = known[1]
    if class and not (waking.has_word(known[2], worker) and call('ZSCORE', this.prefix .. 'avoided', id)) then
      local may = may_take(this, number, class)
      if may == nil then return nil, { class } end
      if may then
        pending.unlist_pending(this, id, { workflow = workflow, class = class })
        return id, {}
      end
    end
  end
  return nil, {}
end

-- Returns an id that is out of its list, or nil; the classes to judge first; and whether the search came to its end.
local function take_best(this, number, worker, workflow, customers)
  if workflow ~= '' then
    local id, unjudged = take_of_workflow(this, number, worker, workflow)
    return id, unjudged, true
  end
  while true do
    local class, unjudged, done
    if customers == '' then class, unjudged, done = picking.pick(this, number) else class, unjudged, done = picking.pick_among(this, number, customers) end
    if #unjudged > 0 or not done then return nil, unjudged, done end
    local special = call('EXISTS', this.prefix .. 'avoided', this.prefix .. 'limits', this.prefix .. 'idle.where') > 0
    this.nobody_idle = not special
    if special then
      local id, unknown = take_avoided(this, number, worker, customers, class and call('ZSCORE', this.prefix .. 'heads', class))
      if id or unknown then return id, { unknown }, true end
    end
    if not class then return nil, unjudged, true end
    local whose = special and permits.over_limit(this, class)
    if not whose then return take_class(this, class), unjudged, true end
    limits.park(this, class, whose)
  end
end

-- One job for one nonce. Gives up a call where very many jobs are past their deadline.
local function claim_one(this, number, worker, nonce, lease, workflow, customers)
  for _ = 1, 50 do
    local id, unjudged, done = take_best(this, number, worker, workflow, customers)
    if not id then return nil, unjudged, done end
    local job = readable_pending(this, id)
    if job and not (job.deadline and past_deadline(this, id, job)) then
      take(this, id, job, worker, nonce, lease)
      return { answer = 'ok', id = id, job = job }, {}, true
    end
  end
  return nil, {}, false
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

-- A nonce that has its job gets it again (the reply was lost), whatever the worker's state; others only where it is ready.
-- Returns the claimed jobs, the classes to judge first, whether the search came to its end, and whether it found nothing.
local function claim_all(this, ready, number, worker, nonces, lease, workflow, customers)
  local claimed, unjudged, done, nothing = {}, {}, true, false
  counters.counting(this, function()
    for nonce in string.gmatch(nonces, '%S+') do
      local held = call('HGET', this.prefix .. 'jobs:active:' .. worker, nonce)
      local job = held and jobs.read(this, held)
      if job and job.nonce == nonce then
        claimed[#claimed + 1] = { answer = 'already', id = held, job = job }
      elseif ready and done and #unjudged == 0 and not nothing then
        local claim
        claim, unjudged, done = claim_one(this, number, worker, nonce, lease, workflow, customers)
        claimed[#claimed + 1] = claim
        nothing = not claim and done and #unjudged == 0
      end
    end
  end)
  if #claimed > 0 and not this.nobody_idle and call('EXISTS', this.prefix .. 'limits') == 1 then pass_permits(this, claimed) end
  return claimed, unjudged, done, nothing
end

return {
  handed = handed,
  claim_all = claim_all,
}
