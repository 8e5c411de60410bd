-- wake: one job that became claimable wakes one idle worker that can do it, the least capable first.
--
-- USES job verdict idle permits
-- RARE wake_one wake_reserved wake_for wake_workflows wake_listed wake_avoided classes_for_idle wake_next pass_on return_tokens

local function tell(worker, token)
  local waiter = call('HGET', P .. 'worker:' .. worker, 'waiter')
  if not waiter then return false end
  local key = P .. 'wake:' .. waiter
  call('RPUSH', key, token .. ' ' .. worker)
  call('EXPIRE', key, 3600)
  return true
end

local function wake(worker, class)
  leave_idle(worker)
  return tell(worker, 'claim ' .. class)
end

-- Whether two strings of verdict bits have a `fits` bit in common.
local function any_common(one, other)
  local length = math.min(#one, #other)
  for from = 1, length - 3, 64 do
    local words = math.floor(math.min(64, length - from + 1) / 4)
    local format = string.rep('I4', words)
    local a, b = { struct.unpack(format, one, from) }, { struct.unpack(format, other, from) }
    for i = 1, words do
      if bit.band(a[i], b[i]) ~= 0 then return true end
    end
  end
  for i = length - length % 4 + 1, length do
    if bit.band(string.byte(one, i), string.byte(other, i)) ~= 0 then return true end
  end
  return false
end

local function has_word(words, word)
  return words and word and string.find(' ' .. words .. ' ', ' ' .. word .. ' ', 1, true) ~= nil
end

-- The longest idle worker of a profile number that is not to be avoided (words, or nil).
local function first_idle(number, avoid)
  for _, worker in ipairs(call('ZRANGE', P .. 'idle.workers:' .. number, 0, avoid and POLICY.avoid_workers or 0)) do
    if not has_word(avoid, worker) then return worker end
  end
end

local function wake_one(class, avoid)
  local bits = call('GET', P .. 'idle.bits')
  local verdicts = bits and call('GET', P .. 'class.verdicts:' .. class)
  if not verdicts or not any_common(verdicts, bits) then return false end
  for from = 0, call('ZCARD', P .. 'idle') - 1, 32 do
    for _, number in ipairs(call('ZRANGE', P .. 'idle', from, from + 31)) do
      local worker = verdict_of(class, tonumber(number)) == 3 and first_idle(number, avoid)
      if worker and wake(worker, class) then return true end
    end
  end
  return false
end

local function wake_reserved(name, class, avoid)
  for _, worker in ipairs(call('ZRANGE', P .. 'idle.reserved:' .. name, 0, -1)) do
    local number = string.match(call('HGET', P .. 'idle.where', worker) or '', '^%d+')
    if number and not has_word(avoid, worker) and verdict_of(class, tonumber(number)) == 3 then return wake(worker, class) end
  end
  return false
end

-- For one job: those who can take nothing else first.
local function wake_for(class, customer, workflow, avoid)
  if nobody_idle or call('EXISTS', P .. 'idle.where') == 0 then return false end
  return workflow and wake_reserved('workflow:' .. workflow, class, avoid)
    or customer and wake_reserved('customer:' .. customer, class, avoid)
    or wake_one(class, avoid)
end

-- For jobs of a class that stand behind others: those who wait for one workflow only look no further than its best 64.
local function wake_workflows(class, wanted)
  local woken = 0
  for _, name in ipairs(call('SMEMBERS', P .. 'idle.names')) do
    local workflow = string.match(name, '^workflow:(.+)$')
    for _, id in ipairs(workflow and call('ZRANGE', P .. 'workflow.pending:' .. workflow, 0, 63, 'REV') or {}) do
      if woken >= wanted then return woken end
      local known = peek_job(id, 'avoid')
      local avoid = known[1] == class and call('ZSCORE', P .. 'avoided', id) and known[2] or nil
      if known[1] == class and wake_reserved(name, class, avoid) then woken = woken + 1 end
    end
  end
  return woken
end

-- For the best jobs of a class, until `wanted` workers are woken or nobody else would be. How many were.
local function wake_listed(class, wanted)
  local woken, idle = 0, call('HLEN', P .. 'idle.where')
  if idle == 0 or not call('ZSCORE', P .. 'heads', class) then return woken end
  for _, id in ipairs(call('ZRANGE', P .. 'jobs:pending:' .. class, 0, idle - 1, 'REV')) do
    local known = peek_job(id, 'customer', 'workflow')
    if wake_for(class, known[2] or nil, known[3] or nil) then woken = woken + 1 elseif not known[3] then break end
    if woken >= wanted then return woken end
  end
  return woken + wake_workflows(class, wanted - woken)
end

-- The same for jobs that wait for another worker; `classes` has the names of theirs as keys.
local function wake_avoided(classes, wanted)
  local woken = 0
  for _, id in ipairs(call('ZRANGE', P .. 'avoided', 0, -1, 'REV')) do
    local known = peek_job(id, 'customer', 'workflow', 'avoid')
    local class = known[1]
    if classes[class] and call('SISMEMBER', P .. 'parked', class) == 0
      and wake_for(class, known[2] or nil, known[3] or nil, known[4] or nil) then
      woken = woken + 1
      if woken >= wanted then break end
    end
  end
  return woken
end

-- A class, and the others of its customer where one is given, as far as they may fit an idle worker.
local function classes_for_idle(class, customer)
  local classes, found = customer and call('SMEMBERS', P .. 'customer.classes:' .. customer) or {}, {}
  table.insert(classes, 1, class)
  local bits = call('EXISTS', P .. 'idle.names') == 0 and (call('GET', P .. 'idle.bits') or '')
  for from = 1, #classes, 1000 do
    local keys = {}
    for i = from, math.min(from + 999, #classes) do keys[#keys + 1] = P .. 'class.verdicts:' .. classes[i] end
    for i, verdicts in ipairs(call('MGET', unpack(keys))) do
      if verdicts and (not bits or any_common(verdicts, bits)) then found[#found + 1] = classes[from + i - 1] end
    end
  end
  return found
end

-- Where a limit lets one more job run, of this class or another one of its customer. Permits outnumber wake-ups: who
-- uses one passes on the next.
local function wake_next(class)
  if nobody_idle or call('EXISTS', P .. 'idle.where') == 0 then return end
  local customer = call('HGET', P .. 'class:' .. class, 'customer')
  local limits = call('HMGET', P .. 'limits', 'class:' .. class, 'customer:' .. (customer or ''))
  if not limits[1] and not limits[2] then return end
  local running = limits[2] and tonumber(call('HGET', P .. 'customers.active', customer) or 0)
  if running and running >= tonumber(limits[2]) then return end
  local named = {}
  for _, other in ipairs(classes_for_idle(class, limits[2] and customer)) do
    if not over_limit(other) then
      if wake_listed(other, 1) > 0 then return end
      named[other] = true
    end
  end
  if next(named) then wake_avoided(named, 1) end
end

-- A token that was not used for its class goes to the next one, while the class still has jobs.
local function pass_on(class)
  if wake_listed(class, 1) > 0 or wake_avoided({ [class] = true }, 1) > 0 then return end
  if call('EXISTS', P .. 'limits') == 1 then wake_next(class) end
end

-- Tokens that a worker will not take any more.
local function return_tokens(worker)
  local waiter = call('HGET', P .. 'worker:' .. worker, 'waiter')
  local key = waiter and P .. 'wake:' .. waiter
  for _, token in ipairs(key and call('LRANGE', key, 0, -1) or {}) do
    local class, whose = string.match(token, '^claim (%S+) (%S+)$')
    if whose == worker then
      call('LREM', key, 1, token)
      pass_on(class)
    end
  end
end
