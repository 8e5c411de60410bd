-- stall: a job that reports progress must not stop doing so (docs/states.md T10).
--
-- USES now
-- RARE watch_stall

-- A limit that moves on with progress is looked at again when it is due.
local function watch_stall(id, stall_ms)
  local stalls = int(now + stall_ms)
  if call('HSET', P .. 'job:' .. id, 'stalls', stalls) == 1 then call('ZADD', P .. 'timeouts', 'LT', stalls, id) end
end
