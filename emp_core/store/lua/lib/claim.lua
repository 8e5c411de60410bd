-- claim: gives a worker the best job that it can do (T3), with the lease, the limits and the lists that go with it.
--
-- USES pick chores
-- RARE may_take take_avoided take_of_workflow past_deadline pass_permits claim_all

local function take(id, job, worker, nonce, lease)
  if job.workflow then call('ZREM', P .. 'workflow.pending:' .. job.workflow, id) end
  -- A worker's list has the jobs that no other claimed after it.
  if job.worker ~= worker then
    if job.worker then call('ZREM', P .. 'worker.jobs:' .. job.worker, id) end
    call('ZADD', P .. 'worker.jobs:' .. worker, created_of(job), id)
  end
  local begun = job.began
  job.attempt, job.worker, job.nonce, job.claimed, job.began = int(job.attempt + 1), worker, nonce, now_text, begun or now_text
  call('ZADD', P .. 'leases', int(now + lease), id)
  job.ends = ends_of(job)
  call('ZADD', P .. 'timeouts', int(job.ends), id)
  call('HSET', P .. 'jobs:active:' .. worker, nonce, id)
  occupy(job.class, job.customer, 1)
  if not begun then call('ZREM', P .. 'expiry', id) end
  count_one(start_of(job), 1)
  if job.stalls or job.progress or job.message then
    call('HDEL', P .. 'job:' .. id, 'stalls', 'progress', 'message')
  end
  transition(id, job, 'active', 'claimed', nil, 'worker', worker, 'claim', claim_of(job))
end

-- What the worker is told of the job; the requirements are the class's, which it knows or asks for.
local function handed(id, job, answer)
  return { answer, id, job.attempt, job.nonce, job.class, (job.ends or ends_of(job)) - now, job.gen or 0, job.on_lost or '',
    job.customer or '', call('GET', P .. 'job.payload:' .. id) or false }
end

-- A listed job whose hash is gone or says otherwise: out of the list, into quarantine, for the janitor to look at.
local function readable_pending(id)
  local job = read_job(id)
  if job and job.state == 'pending' then return job end
  quarantine(id, 'pending', 'listed as pending, but it is not')
end

local function past_deadline(id, job)
  if job.began or not job.deadline or tonumber(job.deadline) > now then return false end
  if job.workflow then call('ZREM', P .. 'workflow.pending:' .. job.workflow, id) end
  call('ZREM', P .. 'expiry', id)
  finish(id, job, 'failed', 'expired')
  return true
end

-- Whether a worker may take a listed job: yes, no, or nil where its class is not judged. Parks what is at its limit.
local function may_take(number, class)
  local verdict = verdict_of(class, number)
  if verdict < 2 then return nil end
  if verdict == 2 then return false end
  local whose = over_limit(class)
  if whose then park(class, whose) end
  return not whose
end

-- Jobs that wait for another worker come before the class heads that they outrank. An id, or a class to judge first.
local function take_avoided(number, worker, customers, floor)
  for _, id in ipairs(call('ZRANGE', P .. 'avoided', '+inf', floor and '(' .. floor or '-inf', 'BYSCORE', 'REV')) do
    local known = peek_job(id, 'avoid', 'customer')
    local class, customer = known[1], known[3] or nil
    if class and not has_word(known[2], worker) and (customers == '' or has_word(customers, customer)) then
      local may = may_take(number, class)
      if may == nil then return nil, class end
      if may then
        call('ZREM', P .. 'avoided', id)
        call('ZREM', P .. 'avoided.until', id)
        return id
      end
    end
  end
end

local function take_class(class)
  local key = P .. 'jobs:pending:' .. class
  local best = call('ZRANGE', key, '0', '1', 'REV')
  if best[1] then call('ZREM', key, best[1]) end
  if best[2] then call('ZADD', P .. 'heads', call('ZSCORE', key, best[2]), class) else call('ZREM', P .. 'heads', class) end
  return best[1]
end

-- A worker reserved for a workflow takes from that workflow's jobs only, filtered by the same verdicts.
local function take_of_workflow(number, worker, workflow)
  for _, id in ipairs(call('ZRANGE', P .. 'workflow.pending:' .. workflow, 0, -1, 'REV')) do
    local known = peek_job(id, 'avoid')
    local class = known[1]
    if class and not (has_word(known[2], worker) and call('ZSCORE', P .. 'avoided', id)) then
      local may = may_take(number, class)
      if may == nil then return nil, { class } end
      if may then
        unlist_pending(id, { workflow = workflow, class = class })
        return id, {}
      end
    end
  end
  return nil, {}
end

-- Returns an id that is out of its list, or nil; the classes to judge first; and whether the search came to its end.
local function take_best(number, worker, workflow, customers)
  if workflow ~= '' then
    local id, unjudged = take_of_workflow(number, worker, workflow)
    return id, unjudged, true
  end
  while true do
    local class, unjudged, done
    if customers == '' then class, unjudged, done = pick(number) else class, unjudged, done = pick_among(number, customers) end
    if #unjudged > 0 or not done then return nil, unjudged, done end
    local special = call('EXISTS', P .. 'avoided', P .. 'limits', P .. 'idle.where') > 0
    nobody_idle = not special
    if special then
      local id, unknown = take_avoided(number, worker, customers, class and call('ZSCORE', P .. 'heads', class))
      if id or unknown then return id, { unknown }, true end
    end
    if not class then return nil, unjudged, true end
    local whose = special and over_limit(class)
    if not whose then return take_class(class), unjudged, true end
    park(class, whose)
  end
end

-- One job for one nonce. Gives up a call where very many jobs are past their deadline.
local function claim_one(number, worker, nonce, lease, workflow, customers)
  for _ = 1, 50 do
    local id, unjudged, done = take_best(number, worker, workflow, customers)
    if not id then return nil, unjudged, done end
    local job = readable_pending(id)
    if job and not (job.deadline and past_deadline(id, job)) then
      take(id, job, worker, nonce, lease)
      return handed(id, job, 'ok'), {}, true
    end
  end
  return nil, {}, false
end

-- Once for all jobs of a customer, or of a class without one: who is woken goes on with it.
local function pass_permits(claimed)
  local classes = {}
  for _, job in ipairs(claimed) do
    local class, customer = job[5], job[9]
    classes[customer ~= '' and customer or class .. ' '] = class
  end
  for _, class in pairs(classes) do wake_next(class) end
end

-- A nonce that has its job gets it again (the reply was lost), whatever the worker's state; others only where it is ready.
-- Returns the claimed jobs, the classes to judge first, whether the search came to its end, and whether it found nothing.
local function claim_all(ready, number, worker, nonces, lease, workflow, customers)
  local claimed, unjudged, done, nothing = {}, {}, true, false
  counting(function()
    for nonce in string.gmatch(nonces, '%S+') do
      local held = call('HGET', P .. 'jobs:active:' .. worker, nonce)
      local job = held and read_job(held)
      if job and job.nonce == nonce then
        claimed[#claimed + 1] = handed(held, job, 'already')
      elseif ready and done and #unjudged == 0 and not nothing then
        job, unjudged, done = claim_one(number, worker, nonce, lease, workflow, customers)
        claimed[#claimed + 1] = job
        nothing = not job and done and #unjudged == 0
      end
    end
  end)
  if #claimed > 0 and not nobody_idle and call('EXISTS', P .. 'limits') == 1 then pass_permits(claimed) end
  return claimed, unjudged, done, nothing
end
