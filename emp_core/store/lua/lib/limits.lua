-- limits: a class or a customer at its concurrency limit is parked (out of heads) until one of its jobs ends.
--
-- USES heads wake
-- RARE park unpark

-- Whose limit keeps a class's jobs from starting now.
local function over_limit(class)
  if call('EXISTS', P .. 'limits') == 0 then return nil end
  local of_class = tonumber(call('HGET', P .. 'limits', 'class:' .. class))
  if of_class and (tonumber(call('HGET', P .. 'class:' .. class, 'active')) or 0) >= of_class then
    return 'class:' .. class
  end
  local customer = call('HGET', P .. 'class:' .. class, 'customer')
  if not customer then return nil end
  local of_customer = tonumber(call('HGET', P .. 'limits', 'customer:' .. customer))
  if of_customer and (tonumber(call('HGET', P .. 'customers.active', customer)) or 0) >= of_customer then
    return 'customer:' .. customer
  end
end

local function park(class, whose)
  nothing_parked = false
  if call('SADD', P .. 'parked', class) == 0 then return end
  call('SADD', P .. 'parked:' .. whose, class)
  call('ZREM', P .. 'heads', class)
end

-- `wanted`: how many workers to wake, one for each job that may run now.
local function unpark(whose, wanted)
  local key, named = P .. 'parked:' .. whose, {}
  local classes = call('SMEMBERS', key)
  if #classes == 0 then return end
  call('DEL', key)
  for _, class in ipairs(classes) do
    call('SREM', P .. 'parked', class)
    refresh_head(class)
    improved(class)
    named[class] = true
  end
  for _, class in ipairs(classes) do
    if wanted > 0 then wanted = wanted - wake_listed(class, wanted) end
  end
  if wanted > 0 then wake_avoided(named, wanted) end
end

local function occupy(class, customer, by)
  call('HINCRBY', P .. 'class:' .. class, 'active', int(by))
  if customer and call('HINCRBY', P .. 'customers.active', customer, by) <= 0 then
    call('HDEL', P .. 'customers.active', customer)
  end
  if by < 0 and not nothing_parked and call('EXISTS', P .. 'parked') == 1 then
    unpark('class:' .. class, 1)
    if customer then unpark('customer:' .. customer, 1) end
  end
end
