-- now: Redis TIME, read once; the only clock that decides anything. Also as text, which costs Redis less than a number.

local time_parts = call('TIME')
local now_us = time_parts[1] * 1000000 + time_parts[2]
local now = math.floor(now_us / 1000)
local now_text = string.format('%.0f', now)
