-- heads: every class that has jobs and is not parked, scored by its best job; `improved` tells cursors what rose.

-- Set where a script has seen that there are no limits.
local no_limits = false

local function improved(class)
  call('ZADD', P .. 'improved', call('INCR', P .. 'changes'), class)
end

-- After a removal: a head can only fall.
local function refresh_head(class)
  local top = call('ZRANGE', P .. 'jobs:pending:' .. class, '0', '0', 'REV', 'WITHSCORES')
  if not top[1] or not no_limits and call('SISMEMBER', P .. 'parked', class) == 1 then
    call('ZREM', P .. 'heads', class)
  else
    call('ZADD', P .. 'heads', top[2], class)
  end
end

local function push_class(class, id, score)
  call('ZADD', P .. 'jobs:pending:' .. class, score, id)
  if not no_limits and call('SISMEMBER', P .. 'parked', class) == 1 then return end
  if call('ZADD', P .. 'heads', 'GT', 'CH', score, class) == 1 then improved(class) end
end
