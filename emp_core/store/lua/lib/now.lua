-- now: Redis TIME, read once; the only clock that decides anything.

-- A whole number as text: what Redis makes of a number by itself costs it as much as a command does, and so does the
-- format; most counters go up or down by one.
local function int(number)
  return number == 1 and '1' or number == -1 and '-1' or string.format('%d', number)
end

local time_parts = call('TIME')
local now_us = time_parts[1] * 1000000 + time_parts[2]
local now = math.floor(now_us / 1000)
local now_text = int(now)
