-- drop_classes: classes that have had no job for a while are forgotten.
--
-- FLAGS  allow-oom
-- ARGV   before    int     ms that a class has been empty
-- ARGV   batch     int
-- DERIVES classes, classes.*, class:<class>, class.verdicts:<class>, class.jobs:<class>, improved, parked, parked:<whose>, customer.classes:<customer>
-- RETURNS how many were dropped

return function(this, before, batch)
  local dropped = 0
  for _, class in ipairs(call('ZRANGE', this.prefix .. 'classes.empty', '-inf', this.now - before, 'BYSCORE', 'LIMIT', 0, batch)) do
    local known = call('HMGET', this.prefix .. 'class:' .. class, 'jobs', 'customer')
    call('ZREM', this.prefix .. 'classes.empty', class)
    if (tonumber(known[1]) or 0) <= 0 and call('EXISTS', this.prefix .. 'jobs:pending:' .. class) == 0 then
      call('ZREM', this.prefix .. 'classes', class)
      call('SREM', this.prefix .. 'classes.unworkable', class)
      call('ZREM', this.prefix .. 'improved', class)
      call('ZREM', this.prefix .. 'classes.unjudged', class)
      call('UNLINK', this.prefix .. 'class:' .. class, this.prefix .. 'class.verdicts:' .. class, this.prefix .. 'class.jobs:' .. class)
      call('SREM', this.prefix .. 'parked', class)
      call('ZREM', this.prefix .. 'parked:' .. 'class:' .. class, class)
      if known[2] then
        call('ZREM', this.prefix .. 'parked:' .. 'customer:' .. known[2], class)
        call('SREM', this.prefix .. 'customer.classes:' .. known[2], class)
      end
      dropped = dropped + 1
    end
  end
  return dropped
end
