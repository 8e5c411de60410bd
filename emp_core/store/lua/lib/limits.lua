-- limits: a class at its own or its customer's concurrency limit is parked: out of heads, until one of the jobs ends.
--
-- Then the limit leaves room, but for one job only: a few classes come back, the best first. For the others `reopened` has the
-- limit with the best of them: a claim that would take a worse job brings more of them back first.

local function park(this, class, whose)
  local head = call('ZSCORE', this.prefix .. 'heads', class)
  call('ZREM', this.prefix .. 'reopened', whose)
  if not head then return end
  call('SADD', this.prefix .. 'parked', class)
  call('ZADD', this.prefix .. 'parked:' .. whose, head, class)
  call('ZREM', this.prefix .. 'heads', class)
  this.tops[class] = nil
end

-- Returns the best classes that a limit parks, at most `many`; they are in heads again.
local function bring_back(this, whose, many)
  local key = this.prefix .. 'parked:' .. whose
  local classes = call('ZRANGE', key, 0, many - 1, 'REV')
  if not classes[1] then return classes end
  call('ZREM', key, unpack(classes))
  call('SREM', this.prefix .. 'parked', unpack(classes))
  for _, class in ipairs(classes) do
    heads.refresh_head(this, class)
    heads.improved(this, class)
  end
  local best = call('ZRANGE', key, '0', '0', 'REV', 'WITHSCORES')
  if best[1] then call('ZADD', this.prefix .. 'reopened', best[2], whose) else call('ZREM', this.prefix .. 'reopened', whose) end
  return classes
end

-- Brings back what a claim must not pass over: the best parked class whose limit leaves room, if it comes before `head`.
-- `customers`: whose limits count, as words; '' for all. Whether it changed anything.
local function reopen(this, head, customers)
  local whose, best
  if customers == '' then
    whose, best = unpack(call('ZRANGE', this.prefix .. 'reopened', '0', '0', 'REV', 'WITHSCORES'))
  end
  for customer in string.gmatch(customers, '%S+') do
    local score = call('ZSCORE', this.prefix .. 'reopened', 'customer:' .. customer)
    if score and (not best or tonumber(score) > tonumber(best)) then whose, best = 'customer:' .. customer, score end
  end
  if not whose or head and tonumber(best) < tonumber(head) then return false end
  if permits.is_full(this, whose) then
    call('ZREM', this.prefix .. 'reopened', whose)
  else
    bring_back(this, whose, policy.unparked_a_step)
  end
  return true
end

-- Claims for one workflow went past its jobs that the limit kept from starting: they look at them again.
local function lift_workflows(this, whose)
  local key = this.prefix .. 'parked.workflows:' .. whose
  local passed = call('ZRANGE', key, 0, -1, 'WITHSCORES')
  if passed[1] then call('DEL', key) end
  for i = 1, #passed, 2 do workflows.lift_cursors(this, passed[i], passed[i + 1]) end
end

-- Brings back all that limits park, in whatever form an earlier version wrote it.
local function forget_parked(this)
  local classes = call('SMEMBERS', this.prefix .. 'parked')
  call('DEL', this.prefix .. 'parked')
  for _, class in ipairs(classes) do
    call('DEL', this.prefix .. 'parked:' .. 'class:' .. class)
    local customer = call('HGET', this.prefix .. 'class:' .. class, 'customer')
    if customer then call('DEL', this.prefix .. 'parked:' .. 'customer:' .. customer) end
    heads.refresh_head(this, class)
    heads.improved(this, class)
  end
end

-- `wanted`: how many workers to wake, one for each job that may run now. How many were. `many`: classes to bring back at most.
local function unpark(this, whose, wanted, many)
  lift_workflows(this, whose)
  local classes, named, woken = bring_back(this, whose, many), {}, 0
  if not classes[1] then return 0 end
  for _, class in ipairs(classes) do
    named[class] = true
    if woken < wanted then woken = woken + waking.wake_listed(this, class, wanted - woken) end
  end
  if woken < wanted then woken = woken + waking.wake_avoided(this, named, wanted - woken) end
  -- Somebody must look at the classes that did not come back.
  if woken < wanted and call('ZSCORE', this.prefix .. 'reopened', whose) then woken = woken + waking.wake_any(this, classes[1]) end
  return woken
end

-- Another job may have the permit of one that ended; its class need not be parked, since nobody may have tried it.
local function pass_permit(this, class, customer)
  local woken = unpark(this, 'class:' .. class, 1, policy.unparked_a_step)
  if customer then woken = woken + unpark(this, 'customer:' .. customer, 1, policy.unparked_a_step) end
  if woken == 0 then waking.wake_next(this, class) end
end

local function occupy(this, class, customer, by)
  local key = this.prefix .. 'class:' .. class
  if this.no_limits then writes.add(this, key, 'active', by) else call('HINCRBY', key, 'active', int(by)) end
  if customer and call('HINCRBY', this.prefix .. 'customers.active', customer, by) <= 0 then
    call('HDEL', this.prefix .. 'customers.active', customer)
  end
  if by < 0 and not this.no_limits and call('EXISTS', this.prefix .. 'limits') == 1 then pass_permit(this, class, customer) end
end

return {
  forget_parked = forget_parked,
  park = park,
  reopen = reopen,
  unpark = unpark,
  occupy = occupy,
}
