-- set_limit: how many jobs of a customer or a class may run at once; -1 takes the limit away.
--
-- FLAGS
-- ARGV   whose     str     `customer:<id>` or `class:<id>`
-- ARGV   maximum   int
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES limits, parked, parked:<whose>, heads, the idle sets, wake:<waiter>
-- RETURNS ok

return function(this, whose, maximum, by, reason)
  local before = call('HGET', this.prefix .. 'limits', whose) or 'none'
  local after = maximum < 0 and 'none' or int(maximum)
  if maximum < 0 then
    call('HDEL', this.prefix .. 'limits', whose)
  else
    call('HSET', this.prefix .. 'limits', whose, maximum)
  end
  local kind, name = string.match(whose, '^(%l+):(.*)$')
  local classes = kind == 'customer' and call('SMEMBERS', this.prefix .. 'customer.classes:' .. name) or { name }
  local tried = {}
  -- Nobody may have tried these since they were last unparked.
  for _, class in ipairs(classes) do
    if call('SISMEMBER', this.prefix .. 'parked', class) == 0 then
      waking.wake_listed(this, class, math.huge)
      tried[class] = true
    end
  end
  waking.wake_avoided(this, tried, math.huge)
  repeat limits.unpark(this, whose, math.huge, 1000) until call('EXISTS', this.prefix .. 'parked:' .. whose) == 0
  orders.audit(this, by, reason, 'limit', 'limit', whose, before, after, before == after and 'unchanged' or 'done')
  return 'ok'
end
