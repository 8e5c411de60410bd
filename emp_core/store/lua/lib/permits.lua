-- permits: how many jobs of a class or of a customer may run at once.

-- Whether a limit leaves no room for another job.
local function is_full(this, whose)
  local maximum = tonumber(call('HGET', this.prefix .. 'limits', whose))
  if not maximum then return false end
  local kind, name = string.match(whose, '^(%l+):(.*)$')
  local running
  if kind == 'class' then
    running = call('HGET', this.prefix .. 'class:' .. name, 'active')
  else
    running = call('HGET', this.prefix .. 'customers.active', name)
  end
  return (tonumber(running) or 0) >= maximum
end

-- Whose limit keeps a class's jobs from starting now.
local function over_limit(this, class)
  if call('EXISTS', this.prefix .. 'limits') == 0 then return nil end
  if is_full(this, 'class:' .. class) then return 'class:' .. class end
  local customer = call('HGET', this.prefix .. 'class:' .. class, 'customer')
  if customer and is_full(this, 'customer:' .. customer) then return 'customer:' .. customer end
end

return {
  is_full = is_full,
  over_limit = over_limit,
}
