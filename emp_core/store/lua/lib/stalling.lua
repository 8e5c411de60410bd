-- stalling: a job that reports progress must not stop doing so (docs/states.md T10).

-- A limit that moves on with progress is looked at again when it is due.
local function watch(this, id, stall_ms)
  local stalls = int(this.now + stall_ms)
  if call('HSET', this.prefix .. 'job:' .. id, 'stalls', stalls) == 1 then call('ZADD', this.prefix .. 'timeouts', 'LT', stalls, id) end
end

return {
  watch = watch,
}
