-- waking: one job that became claimable wakes one idle worker that can do it, the least capable first.

local function tell(this, worker, token)
  local waiter = call('HGET', this.prefix .. 'worker:' .. worker, 'waiter')
  if not waiter then return false end
  local key = this.prefix .. 'wake:' .. waiter
  call('RPUSH', key, token .. ' ' .. worker)
  call('PEXPIRE', key, policy.wake_ms)
  return true
end

local function wake(this, worker, class)
  idle_workers.leave(this, worker)
  return tell(this, worker, 'claim ' .. class)
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
local function first_idle(this, number, avoid)
  for _, worker in ipairs(call('ZRANGE', this.prefix .. 'idle.workers:' .. number, 0, avoid and policy.avoid_workers or 0)) do
    if not has_word(avoid, worker) then return worker end
  end
end

local function wake_one(this, class, avoid)
  local bits = call('GET', this.prefix .. 'idle.bits')
  local verdicts = bits and call('GET', this.prefix .. 'class.verdicts:' .. class)
  if not verdicts or not any_common(verdicts, bits) then return false end
  for from = 0, call('ZCARD', this.prefix .. 'idle') - 1, 32 do
    for _, number in ipairs(call('ZRANGE', this.prefix .. 'idle', from, from + 31)) do
      local worker = verdict_bits.read(this, class, tonumber(number)) == 3 and first_idle(this, number, avoid)
      if worker and wake(this, worker, class) then return true end
    end
  end
  return false
end

local function wake_reserved(this, name, class, avoid)
  for _, worker in ipairs(call('ZRANGE', this.prefix .. 'idle.reserved:' .. name, 0, -1)) do
    local number = string.match(call('HGET', this.prefix .. 'idle.where', worker) or '', '^%d+')
    if number and not has_word(avoid, worker) and verdict_bits.read(this, class, tonumber(number)) == 3 then
      return wake(this, worker, class)
    end
  end
  return false
end

-- For one job: those who can take nothing else first.
local function wake_for(this, class, customer, workflow, avoid)
  if this.nobody_idle or call('EXISTS', this.prefix .. 'idle.where') == 0 then return false end
  return workflow and wake_reserved(this, 'workflow:' .. workflow, class, avoid)
    or customer and wake_reserved(this, 'customer:' .. customer, class, avoid)
    or wake_one(this, class, avoid)
end

-- For jobs of a class that stand behind others: those who wait for one workflow only look no further than its best 64.
local function wake_workflows(this, class, wanted)
  local woken = 0
  for _, name in ipairs(call('SMEMBERS', this.prefix .. 'idle.names')) do
    local workflow = string.match(name, '^workflow:(.+)$')
    for _, id in ipairs(workflow and call('ZRANGE', this.prefix .. 'workflow.pending:' .. workflow, 0, 63, 'REV') or {}) do
      if woken >= wanted then return woken end
      local known = jobs.peek(this, id, 'avoid')
      local avoid = known[1] == class and call('ZSCORE', this.prefix .. 'avoided', id) and known[2] or nil
      if known[1] == class and wake_reserved(this, name, class, avoid) then woken = woken + 1 end
    end
  end
  return woken
end

-- For the best jobs of a class, until `wanted` workers are woken or nobody else would be. How many were.
local function wake_listed(this, class, wanted)
  local woken, idle = 0, call('HLEN', this.prefix .. 'idle.where')
  if idle == 0 or not call('ZSCORE', this.prefix .. 'heads', class) then return woken end
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'jobs:pending:' .. class, 0, idle - 1, 'REV')) do
    local known = jobs.peek(this, id, 'customer', 'workflow')
    if wake_for(this, class, known[2] or nil, known[3] or nil) then woken = woken + 1 elseif not known[3] then break end
    if woken >= wanted then return woken end
  end
  return woken + wake_workflows(this, class, wanted - woken)
end

-- The same for jobs that wait for another worker; `classes` has the names of theirs as keys.
local function wake_avoided(this, classes, wanted)
  local woken = 0
  for _, id in ipairs(call('ZRANGE', this.prefix .. 'avoided', 0, -1, 'REV')) do
    local known = jobs.peek(this, id, 'customer', 'workflow', 'avoid')
    local class = known[1]
    if classes[class] and call('SISMEMBER', this.prefix .. 'parked', class) == 0
      and wake_for(this, class, known[2] or nil, known[3] or nil, known[4] or nil) then
      woken = woken + 1
      if woken >= wanted then break end
    end
  end
  return woken
end

-- A class, and the others of its customer if one is given, as far as they may fit an idle worker.
local function classes_for_idle(this, class, customer)
  local classes, found = customer and call('SMEMBERS', this.prefix .. 'customer.classes:' .. customer) or {}, {}
  table.insert(classes, 1, class)
  local bits = call('EXISTS', this.prefix .. 'idle.names') == 0 and (call('GET', this.prefix .. 'idle.bits') or '')
  for from = 1, #classes, 1000 do
    local keys = {}
    for i = from, math.min(from + 999, #classes) do keys[#keys + 1] = this.prefix .. 'class.verdicts:' .. classes[i] end
    for i, verdicts in ipairs(call('MGET', unpack(keys))) do
      if verdicts and (not bits or any_common(verdicts, bits)) then found[#found + 1] = classes[from + i - 1] end
    end
  end
  return found
end

-- If a limit lets one more job run, of this class or another one of its customer. Permits outnumber wake-ups: who
-- uses one passes on the next.
local function wake_next(this, class)
  if this.nobody_idle or call('EXISTS', this.prefix .. 'idle.where') == 0 then return end
  local customer = call('HGET', this.prefix .. 'class:' .. class, 'customer')
  local maxima = call('HMGET', this.prefix .. 'limits', 'class:' .. class, 'customer:' .. (customer or ''))
  if not maxima[1] and not maxima[2] then return end
  local running = maxima[2] and tonumber(call('HGET', this.prefix .. 'customers.active', customer) or 0)
  if running and running >= tonumber(maxima[2]) then return end
  local named = {}
  for _, other in ipairs(classes_for_idle(this, class, maxima[2] and customer)) do
    if not permits.over_limit(this, other) then
      if wake_listed(this, other, 1) > 0 then return end
      named[other] = true
    end
  end
  if next(named) then wake_avoided(this, named, 1) end
end

-- A token that was not used for its class goes to the next one, while the class still has jobs.
local function pass_on(this, class)
  if wake_listed(this, class, 1) > 0 or wake_avoided(this, { [class] = true }, 1) > 0 then return end
  if call('EXISTS', this.prefix .. 'limits') == 1 then wake_next(this, class) end
end

-- Any idle worker, to look for itself. How many were woken.
local function wake_any(this, class)
  local worker = call('HRANDFIELD', this.prefix .. 'idle.where')
  return worker and wake(this, worker, class) and 1 or 0
end

-- Tokens that a worker will not take any more.
local function return_tokens(this, worker)
  local waiter = call('HGET', this.prefix .. 'worker:' .. worker, 'waiter')
  local key = waiter and this.prefix .. 'wake:' .. waiter
  for _, token in ipairs(key and call('LRANGE', key, 0, -1) or {}) do
    local class, whose = string.match(token, '^claim (%S+) (%S+)$')
    if whose == worker then
      call('LREM', key, 1, token)
      pass_on(this, class)
    end
  end
end

return {
  tell = tell,
  any_common = any_common,
  has_word = has_word,
  wake_for = wake_for,
  wake_listed = wake_listed,
  wake_avoided = wake_avoided,
  wake_next = wake_next,
  wake_any = wake_any,
  pass_on = pass_on,
  return_tokens = return_tokens,
}
