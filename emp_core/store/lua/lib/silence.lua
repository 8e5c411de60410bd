-- silence: a job that reports progress must not stop doing so (CONTRACT T10).
--
-- USES now
-- RARE watch_silence

-- `watched`: its limit by now; one that moves on with progress is looked at again when it is due.
local function watch_silence(id, watched, stall_ms)
  local stalls = int(now + stall_ms)
  if not watched then call('ZADD', P .. 'timeouts', 'LT', stalls, id) end
  call('HSET', P .. 'job:' .. id, 'stalls', stalls)
end
