-- counters: the waiting jobs of each state, and what happened in each minute.

-- Waiting states have a count of their jobs. What else is counted belongs to the minute of `at`, in ms, or of now.
local function count_one(this, name, by, at)
  if this.counts and not at then
    this.counts[name] = (this.counts[name] or 0) + by
  elseif name == 'pending' or name == 'delayed' or name == 'blocked' then
    call('HINCRBY', this.prefix .. 'counts', name, int(by))
  else
    local minute = not at and this.minute or string.format('%d', (at or this.now) / trend.MINUTE_MS)
    if not at then this.minute = minute end
    local key = this.prefix .. 'trend:' .. minute
    -- A counter that is new may be the first of its minute.
    if call('HINCRBY', key, name, int(by)) ~= by then return end
    at = at or this.now
    call('PEXPIREAT', key, int(at - at % trend.MINUTE_MS + trend.KEPT_MS))
    call('SET', this.prefix .. 'trend.since', this.now_text, 'NX')
  end
end

-- Jobs of the other states need no count: each has a list of just its jobs.
local function count(this, from, to)
  if from == to then return end
  if from == 'pending' or from == 'delayed' or from == 'blocked' then count_one(this, from, -1) end
  if to == 'pending' or to == 'delayed' or to == 'blocked' then count_one(this, to, 1) end
end

return {
  count_one = count_one,
  count = count,
}
