-- permits: how many jobs of a class or of a customer may run at once.
--
-- RARE over_limit

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
