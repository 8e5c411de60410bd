-- stalling: a job that reports progress must not stop doing so (docs/states.md T10).

-- When it will have been silent for too long. A limit that moves on with progress is looked at again when it is due.
local function watch(this, id, known, stall_ms)
  local stalls = int(this.now + stall_ms)
  if not known then call('ZADD', this.prefix .. 'timeouts', 'LT', stalls, id) end
  return stalls
end

return {
  watch = watch,
}
