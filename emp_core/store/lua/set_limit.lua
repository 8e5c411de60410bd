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
unpark(whose, math.huge)
return 'ok'
