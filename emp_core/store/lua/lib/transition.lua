-- transition: the one place where a job's state changes: hash, version, counters and event together.
--
-- USES now

local function emit(name, subject, gen, ver, state, worker, attempt, code, customer)
  local text = name .. ' ' .. subject .. ' ' .. (gen or 0) .. ' ' .. ver .. ' ' .. state .. ' ' .. (worker or '')
    .. ' ' .. (attempt or 0) .. ' ' .. (code or '') .. ' ' .. (customer or '')
  call('XADD', P .. 'events', 'MAXLEN', '~', 'POLICY.events_kept', '*', 'e', text)
end

local held_counts

-- Jobs of the other states need no count: each of these has a list of just its jobs.
local function count_one(state, by)
  if state ~= 'pending' and state ~= 'delayed' and state ~= 'blocked' then return end
  if not held_counts then return call('HINCRBY', P .. 'counts', state, int(by)) end
  held_counts[state] = (held_counts[state] or 0) + by
end

-- What `act` moves is counted in one go, also where it breaks off.
local function counting(act)
  held_counts = {}
  local done, answer = pcall(act)
  local changes = held_counts
  held_counts = nil
  for state, by in pairs(changes) do
    if by ~= 0 then count_one(state, by) end
  end
  if not done then error(answer, 0) end
  return answer
end

local function count(from, to)
  if from == to then return end
  if from then count_one(from, -1) end
  if to then count_one(to, 1) end
end

local function transition(id, job, to, name, code, ...)
  job.ver = int((job.ver or 0) + 1)
  call('HSET', P .. 'job:' .. id, 'state', to, 'ver', job.ver, ...)
  count(job.state, to)
  job.state = to
  emit(name, id, job.gen, job.ver, to, job.worker, job.attempt, code, job.customer)
end
