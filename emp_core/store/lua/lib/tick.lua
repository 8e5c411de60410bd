-- tick: the next place in the order of submission, at least one more than the last one given.
--
-- USES now

local last_tick

local function next_tick()
  local wanted = math.max(math.floor((now_us - 1735689600000000) * 32 / 1000), (last_tick or 0) + 1)
  local given = tonumber(call('SET', P .. 'tick', int(wanted), 'GET') or 0)
  if given >= wanted then
    wanted = given + 1
    call('SET', P .. 'tick', int(wanted))
  end
  last_tick = wanted
  return wanted
end

local function tick_at(ms)
  return math.min(math.max(math.floor((ms - 1735689600000) * 32), 0), 70368744177663)
end

-- As a string: a score has more digits than tostring keeps.
local function score_of(priority, tick)
  return int(priority * 70368744177664 + (70368744177663 - tick))
end

local function tick_of(score)
  return 70368744177663 - math.fmod(tonumber(score), 70368744177664)
end
