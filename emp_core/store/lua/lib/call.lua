-- call: what one call knows, and how a function is offered to Redis.

-- What one call knows. `schema` is the name of the queue's schema key, which begins with the queue's prefix. Of the rest
-- each field is set by who finds it out:
--
--   prefix         how the queue's keys begin
--   now            Redis TIME in ms, read once; the only clock that decides anything. Also as `now_us` and `now_text`
--   looked         classes or jobs that its searches have looked at
--   children_left  how many children this call may still resolve, of all parents together
--   counts, words, added, kept   what is to be written once, at the end (`writes`); nil: each is written at once
--   minute         the minute of `now` since 1970, as text
--   waiting        waiting jobs in the queue: read once, then counted along
--   last_tick      the last place that was given to a job
--   no_limits      there are no limits
--   nothing_special  there are no limits, no idle workers, and no jobs that wait for another worker
--   plain          there are no limits, and the worker has no failures or refusals to its name
--   workflows      workflow -> its priority and its next tick, of those that got a job in this call
--   new            no id of this call was known: those that were given since, as keys
--   grows          the call only adds waiting jobs
--   classes        class -> standing of those that got a job in this call
--   tops           class -> score of its head, of those that got a job in this call
--   nobody_idle    no idle worker waits
--   all_workable   no class is unworkable
--   childless      no job depends on those that this call settles
--   some_failed    a report of this turn was a failure
--   ran_well       classes whose last good run is noted
--   requirements   those of classes that were read
--   live_profiles  verdict bits of profiles that have a live worker
local function begin(schema)
  if clustered == nil then
    redis, call, string, table, math, cjson, struct, bit, tonumber, tostring, ipairs, pairs, next, type, unpack, pcall, error = reach()
    clustered = string.find(call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) ~= nil
  end
  -- While the queue's slot migrates, a function would end in the middle, at the first key that is not at its node. A look
  -- at keys that never exist ends it here, before it writes anything: the old node refuses one absent key, the new one two.
  if clustered then call('EXISTS', schema .. '.absent', schema .. '.absent_too') end
  local time = call('TIME')
  local now_us = time[1] * 1000000 + time[2]
  local now = math.floor(now_us / 1000)
  return {
    prefix = string.sub(schema, 1, -7), now_us = now_us, now = now, now_text = int(now),
    children_left = policy.children_inline, ran_well = {}, requirements = {}, tops = {}, classes = {}, workflows = {}, looked = 0,
  }
end

-- `run` gets what the call knows, and Redis's arguments.
local function register(name, flags, run)
  register_function({
    function_name = LIBRARY .. '_' .. name,
    flags = flags,
    callback = function(keys, args) return run(begin(keys[1]), args) end,
  })
end
