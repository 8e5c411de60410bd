-- limits: a class or a customer at its concurrency limit is parked (out of heads) until one of its jobs ends.
--
-- USES heads permits wake
-- RARE park unpark pass_permit

local function park(class, whose)
  if call('SADD', P .. 'parked', class) == 0 then return end
  call('SADD', P .. 'parked:' .. whose, class)
  call('ZREM', P .. 'heads', class)
end

-- `wanted`: how many workers to wake, one for each job that may run now. How many were.
local function unpark(whose, wanted)
  local key, named, woken = P .. 'parked:' .. whose, {}, 0
  local classes = call('SMEMBERS', key)
  if #classes == 0 then return 0 end
  call('DEL', key)
  for _, class in ipairs(classes) do
    call('SREM', P .. 'parked', class)
    refresh_head(class)
    improved(class)
    named[class] = true
  end
  for _, class in ipairs(classes) do
    if woken < wanted then woken = woken + wake_listed(class, wanted - woken) end
  end
  if woken < wanted then woken = woken + wake_avoided(named, wanted - woken) end
  return woken
end

-- Another job may have the permit of one that ended; its class need not be parked, since nobody may have tried it.
local function pass_permit(class, customer)
  local woken = unpark('class:' .. class, 1)
  if customer then woken = woken + unpark('customer:' .. customer, 1) end
  if woken == 0 then wake_next(class) end
end

local function occupy(class, customer, by)
  call('HINCRBY', P .. 'class:' .. class, 'active', int(by))
  if customer and call('HINCRBY', P .. 'customers.active', customer, by) <= 0 then
    call('HDEL', P .. 'customers.active', customer)
  end
  if by < 0 and not no_limits and call('EXISTS', P .. 'limits') == 1 then pass_permit(class, customer) end
end
