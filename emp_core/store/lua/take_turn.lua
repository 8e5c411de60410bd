-- take_turn: a worker's turn: settles what its slots have done and claims for those that are free (docs/states.md T3, T6-T8, T13).
-- Guarantees: the best job that the profile fits, for each free slot; only the last claim issued can settle; repeating
-- the call with the same nonces changes nothing and gives the same answers; whoever finds nothing is idle afterwards.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   worker    str
-- ARGV   boot      str
-- ARGV   profile   str     what is left of the worker's profile while some of its services are down
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   token     str     the class of the wake-up that led here, or ''
-- ARGV   workflow  str     claim from this workflow only, or ''
-- ARGV   customers str     claim for these customers only (words), or ''
-- ARGV   nonces    str     one word for each free slot
-- REST   settled   verb job attempt nonce data
-- DERIVES nearly every key: see the table of keys
-- USES   now chores claim settle worker idle
-- ONCE   read_job transition occupy counting
-- RETURNS state, answers of settled, claimed jobs, classes to judge, 1 where the search goes on with the next call

local state, number = present_worker(worker, boot), tonumber(call('HGET', P .. 'profiles', profile))
if not state or not number then
  if token ~= '' then pass_on(token) end
  return { 'refused:register' }
end

local answers = settled_at <= #ARGV and settle_all(worker, jitter, settled_at, settled_width) or {}
if note_seen(lease) then
  do_chores(POLICY.chore_batch, jitter)
  -- Its own time may have been up: then its jobs wait, and it comes back for them before it claims any.
  if not present_worker(worker, boot) then
    if token ~= '' then pass_on(token) end
    return { 'lost', answers, {}, {}, 0 }
  end
end

-- A failure may have fenced the worker.
if some_failed then state = call('HGET', P .. 'worker:' .. worker, 'state') end
if nonces == '' then
  leave_idle(worker)
  if token ~= '' then pass_on(token) end
  return { state, answers, {}, {}, 0 }
end

local ready = state == 'ready'
local claimed, unjudged, done, idle = claim_all(ready, number, worker, nonces, lease, workflow, customers)
local used = false
for _, job in ipairs(claimed) do used = used or job[1] == 'ok' and job[5] == token end
if token ~= '' or not idle then leave_idle(worker) end
if token ~= '' and not used then pass_on(token) end
if idle then
  local names = reserved_names(workflow, customers)
  join_idle(worker, number, names)
  -- Nobody else sees that it waits under this profile, which need not be the one that it registered.
  if names ~= '' then call('ZADD', P .. 'profiles.used', now, profile) end
end
return { state, answers, claimed, unjudged, done and 0 or 1 }
