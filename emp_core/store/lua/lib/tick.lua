-- tick: the next place in the order of submission, at least one more than the last one given.
--
-- USES now

local last_tick

local function tick_at(time_ms)
  return ORDERING.tick_at
end

local function next_tick()
  local wanted = math.max(tick_at(now_us / 1000), (last_tick or 0) + 1)
  local given = tonumber(call('SET', P .. 'tick', int(wanted), 'GET') or 0)
  if given >= wanted then
    wanted = given + 1
    call('SET', P .. 'tick', int(wanted))
  end
  last_tick = wanted
  return wanted
end

-- As a string: a score has more digits than tostring keeps.
local function score_of(priority, tick)
  return int(ORDERING.score)
end

local function priority_of(score)
  local place = tonumber(score)
  return ORDERING.priority_of
end

local function tick_of(score)
  local place = tonumber(score)
  return ORDERING.tick_of
end
