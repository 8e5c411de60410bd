-- limits: a class or a customer at its concurrency limit is parked (out of heads) until one of its jobs ends.

local function park(this, class, whose)
  if call('SADD', this.prefix .. 'parked', class) == 0 then return end
  call('SADD', this.prefix .. 'parked:' .. whose, class)
  call('ZREM', this.prefix .. 'heads', class)
  this.tops[class] = nil
end

-- `wanted`: how many workers to wake, one for each job that may run now. How many were.
local function unpark(this, whose, wanted)
  local key, named, woken = this.prefix .. 'parked:' .. whose, {}, 0
  local classes = call('SMEMBERS', key)
  if #classes == 0 then return 0 end
  call('DEL', key)
  for _, class in ipairs(classes) do
    call('SREM', this.prefix .. 'parked', class)
    heads.refresh_head(this, class)
    heads.improved(this, class)
    named[class] = true
  end
  for _, class in ipairs(classes) do
    if woken < wanted then woken = woken + waking.wake_listed(this, class, wanted - woken) end
  end
  if woken < wanted then woken = woken + waking.wake_avoided(this, named, wanted - woken) end
  return woken
end

-- Another job may have the permit of one that ended; its class need not be parked, since nobody may have tried it.
local function pass_permit(this, class, customer)
  local woken = unpark(this, 'class:' .. class, 1)
  if customer then woken = woken + unpark(this, 'customer:' .. customer, 1) end
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
  park = park,
  unpark = unpark,
  occupy = occupy,
}
