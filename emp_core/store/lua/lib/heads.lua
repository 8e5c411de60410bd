-- heads: every class that has jobs and is not parked, scored by its best job; `improved` tells cursors what rose.

local function improved(this, class)
  call('ZADD', this.prefix .. 'improved', call('INCR', this.prefix .. 'changes'), class)
end

-- Whose limit keeps a class out of `heads`; nil if none does.
local function parked_by(this, class)
  if this.no_limits or call('SISMEMBER', this.prefix .. 'parked', class) == 0 then return nil end
  if call('ZSCORE', this.prefix .. 'parked:' .. 'class:' .. class, class) then return 'class:' .. class end
  return 'customer:' .. (call('HGET', this.prefix .. 'class:' .. class, 'customer') or '')
end

-- The best of the classes that a limit parks has changed; claims look at it only while the limit leaves room.
local function refresh_reopened(this, whose)
  local best = call('ZRANGE', this.prefix .. 'parked:' .. whose, '0', '0', 'REV', 'WITHSCORES')
  if best[1] then call('ZADD', this.prefix .. 'reopened', 'XX', best[2], whose) else call('ZREM', this.prefix .. 'reopened', whose) end
end

-- After a removal: a head can only fall.
local function refresh_head(this, class)
  this.tops[class] = nil
  local top = call('ZRANGE', this.prefix .. 'jobs:pending:' .. class, '0', '0', 'REV', 'WITHSCORES')
  local whose = parked_by(this, class)
  local key = this.prefix .. (whose and 'parked:' .. whose or 'heads')
  if top[1] then call('ZADD', key, top[2], class) else call('ZREM', key, class) end
  if not whose then return end
  if not top[1] then call('SREM', this.prefix .. 'parked', class) end
  refresh_reopened(this, whose)
end

local function push_class(this, class, id, score)
  local key = this.prefix .. 'jobs:pending:' .. class
  if this.grows then writes.later(this, 'ZADD', key, score, id) else call('ZADD', key, score, id) end
  local whose = parked_by(this, class)
  if whose then
    call('ZADD', this.prefix .. 'parked:' .. whose, 'GT', score, class)
    return refresh_reopened(this, whose)
  end
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
