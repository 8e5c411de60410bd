-- set_limit: how many jobs of a customer or a class may run at once; -1 takes the limit away.
--
-- FLAGS
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   whose     str     `customer:<id>` or `class:<id>`
-- ARGV   maximum   int
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- DERIVES limits, parked, parked:<whose>, heads, the idle sets, wake:<waiter>
-- USES   now limits order
-- RETURNS ok

local before = call('HGET', P .. 'limits', whose) or 'none'
local after = maximum < 0 and 'none' or int(maximum)
if maximum < 0 then
  call('HDEL', P .. 'limits', whose)
else
  call('HSET', P .. 'limits', whose, maximum)
end
local kind, name = string.match(whose, '^(%l+):(.*)$')
local classes = kind == 'customer' and call('SMEMBERS', P .. 'customer.classes:' .. name) or { name }
local tried = {}
-- Nobody may have tried these since they were last unparked.
for _, class in ipairs(classes) do
  if call('SISMEMBER', P .. 'parked', class) == 0 then
    wake_listed(class, math.huge)
    tried[class] = true
  end
end
wake_avoided(tried, math.huge)
unpark(whose, math.huge)
audit(by, reason, 'limit', 'limit', whose, before, after, before == after and 'unchanged' or 'done')
return 'ok'
