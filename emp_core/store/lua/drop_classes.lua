-- drop_classes: classes that have had no job for a while are forgotten.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   before    int     ms that a class has been empty
-- ARGV   batch     int
-- DERIVES classes, classes.*, class:<class>, class.verdicts:<class>, class.jobs:<class>, improved, parked, parked:<whose>, customer.classes:<customer>
-- USES   now
-- RETURNS how many were dropped

local dropped = 0
for _, class in ipairs(call('ZRANGE', P .. 'classes.empty', '-inf', now - before, 'BYSCORE', 'LIMIT', 0, batch)) do
  local known = call('HMGET', P .. 'class:' .. class, 'jobs', 'customer')
  call('ZREM', P .. 'classes.empty', class)
  if (tonumber(known[1]) or 0) <= 0 and call('EXISTS', P .. 'jobs:pending:' .. class) == 0 then
    call('ZREM', P .. 'classes', class)
    call('SREM', P .. 'classes.unworkable', class)
    call('ZREM', P .. 'improved', class)
    call('ZREM', P .. 'classes.unjudged', class)
    call('UNLINK', P .. 'class:' .. class, P .. 'class.verdicts:' .. class, P .. 'class.jobs:' .. class)
    call('SREM', P .. 'parked', class)
    call('SREM', P .. 'parked:' .. 'class:' .. class, class)
    if known[2] then
      call('SREM', P .. 'parked:' .. 'customer:' .. known[2], class)
      call('SREM', P .. 'customer.classes:' .. known[2], class)
    end
    dropped = dropped + 1
  end
end
return dropped
