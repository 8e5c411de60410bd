-- permits: how many jobs of a class or of a customer may run at once.

-- Whose limit keeps a class's jobs from starting now.
local function over_limit(this, class)
  if call('EXISTS', this.prefix .. 'limits') == 0 then return nil end
  local of_class = tonumber(call('HGET', this.prefix .. 'limits', 'class:' .. class))
  if of_class and (tonumber(call('HGET', this.prefix .. 'class:' .. class, 'active')) or 0) >= of_class then
    return 'class:' .. class
  end
  local customer = call('HGET', this.prefix .. 'class:' .. class, 'customer')
  if not customer then return nil end
  local of_customer = tonumber(call('HGET', this.prefix .. 'limits', 'customer:' .. customer))
  if of_customer and (tonumber(call('HGET', this.prefix .. 'customers.active', customer)) or 0) >= of_customer then
    return 'customer:' .. customer
  end
end

return {
  over_limit = over_limit,
}
