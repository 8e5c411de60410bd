-- scores: the next place in the order of submission, at least one more than the last one given.

local function tick_at(time_ms)
  return ordering.tick_at(time_ms)
end

local function next_tick(this)
  local tick = math.max(tick_at(this.now_us / 1000), (this.last_tick or 0) + 1)
  if this.last_tick then
    writes.keep(this, this.prefix .. 'tick', int(tick))
  else
    local given = tonumber(call('SET', this.prefix .. 'tick', int(tick), 'GET') or 0)
    if given >= tick then
      tick = given + 1
      call('SET', this.prefix .. 'tick', int(tick))
    end
  end
  this.last_tick = tick
  return tick
end

-- As a string: a score has more digits than tostring keeps.
local function score_of(priority, tick)
  return int(ordering.score(priority, tick))
end

local function priority_of(score)
  local place = tonumber(score)
  return ordering.priority_of(place)
end

local function tick_of(score)
  local place = tonumber(score)
  return ordering.tick_of(place)
end

return {
  tick_at = tick_at,
  next_tick = next_tick,
  score_of = score_of,
  priority_of = priority_of,
  tick_of = tick_of,
}
