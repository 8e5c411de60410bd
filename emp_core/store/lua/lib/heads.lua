-- heads: every class that has jobs and is not parked, scored by its best job; `improved` tells cursors what rose.

local function improved(this, class)
  call('ZADD', this.prefix .. 'improved', call('INCR', this.prefix .. 'changes'), class)
end

-- After a removal: a head can only fall.
local function refresh_head(this, class)
  this.tops[class] = nil
  local top = call('ZRANGE', this.prefix .. 'jobs:pending:' .. class, '0', '0', 'REV', 'WITHSCORES')
  if not top[1] or not this.no_limits and call('SISMEMBER', this.prefix .. 'parked', class) == 1 then
    call('ZREM', this.prefix .. 'heads', class)
  else
    call('ZADD', this.prefix .. 'heads', top[2], class)
  end
end

local function push_class(this, class, id, score)
  local key = this.prefix .. 'jobs:pending:' .. class
  if this.grows then writes.later(this, 'ZADD', key, score, id) else call('ZADD', key, score, id) end
  if not this.no_limits and call('SISMEMBER', this.prefix .. 'parked', class) == 1 then return end
  local place, top = tonumber(score), this.tops[class]
  if top and place <= top then return end
  this.tops[class] = place
  if call('ZADD', this.prefix .. 'heads', 'GT', 'CH', score, class) == 1 then improved(this, class) end
end

return {
  improved = improved,
  refresh_head = refresh_head,
  push_class = push_class,
}
