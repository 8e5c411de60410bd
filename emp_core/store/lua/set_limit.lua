-- set_limit: how many jobs of a customer or a class may run at once; -1 takes the limit away.
--
-- FLAGS
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   whose     str     `customer:<id>` or `class:<id>`
-- ARGV   maximum   int
-- DERIVES limits, parked, parked:<whose>, heads, the idle sets, wake:<waiter>
-- USES   now limits
-- RETURNS ok

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
return 'ok'
