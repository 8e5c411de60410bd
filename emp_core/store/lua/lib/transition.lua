-- transition: the one place where a job's state changes: hash, version, counters and event together.
--
-- USES now
-- RARE keep_event

local function emit(name, subject, gen, ver, state, worker, attempt, code, customer)
  local text = name .. ' ' .. subject .. ' ' .. (gen or 0) .. ' ' .. ver .. ' ' .. state .. ' ' .. (worker or '')
    .. ' ' .. (attempt or 0) .. ' ' .. (code or '') .. ' ' .. (customer or '')
  call('XADD', P .. 'events', 'MAXLEN', '~', 'POLICY.events_kept', '*', 'e', text)
  return text
end

-- Most jobs are submitted, claimed and completed: these three events follow from the job's hash, so such a job has no
-- list of events. The first other event makes one, with the events before it; a job that comes from another queue left
-- its own there, and has no state before.
local function keep_event(id, job, from, text)
  local key, entries = P .. 'job.events:' .. id, { now_text .. ' ' .. text }
  local ver, of = tonumber(job.ver), ' ' .. id .. ' 0 '
  if from and ver > 1 and ver <= 3 and call('EXISTS', key) == 0 then
    local customer = job.customer or ''
    if ver == 3 then
      from = 'pending'
      table.insert(entries, 1, (job.claimed or now_text) .. ' claimed' .. of .. '2 active ' .. (job.worker or '') .. ' 1  ' .. customer)
    end
    local created = string.match(job.times or '', '^%d+') or now_text
    table.insert(entries, 1, created .. ' submitted' .. of .. '1 ' .. from .. '  0  ' .. customer)
  end
  if call('RPUSH', key, unpack(entries)) > POLICY.job_events_kept then call('LPOP', key) end
end

local held_counts, held_tallies

-- Adds to a counter of the minute of `at` (ms): see `trend:` in the table of keys.
local function add_tally(at, name, by)
  local minute = math.floor(at / TREND.MINUTE_MS)
  local hour = math.floor(minute / 60)
  local key = P .. 'trend:' .. hour
  -- The first of a minute's counters may be the first of the hour's.
  if call('HINCRBY', key, minute % 60 .. ' ' .. name, int(by)) ~= by then return end
  call('PEXPIREAT', key, int(hour * TREND.HOUR_MS + TREND.KEPT_MS))
  call('SET', P .. 'trend.since', now_text, 'NX')
end

local function tally(name)
  if not held_tallies then return add_tally(now, name, 1) end
  held_tallies[name] = (held_tallies[name] or 0) + 1
end

-- Jobs of the other states need no count: each of these has a list of just its jobs.
local function count_one(state, by)
  if state ~= 'pending' and state ~= 'delayed' and state ~= 'blocked' then return end
  if not held_counts then return call('HINCRBY', P .. 'counts', state, int(by)) end
  held_counts[state] = (held_counts[state] or 0) + by
end

-- What `act` moves is counted in one go, also where it breaks off.
local function counting(act)
  held_counts, held_tallies = {}, {}
  local done, answer = pcall(act)
  local changes, tallies = held_counts, held_tallies
  held_counts, held_tallies = nil, nil
  for state, by in pairs(changes) do
    if by ~= 0 then count_one(state, by) end
  end
  for name, by in pairs(tallies) do add_tally(now, name, by) end
  if not done then error(answer, 0) end
  return answer
end

local function count(from, to)
  if from == to then return end
  if from then count_one(from, -1) end
  if to then count_one(to, 1) end
end

-- An order to a job sets `job.signed`: its customer, and who gives the order.
local function transition(id, job, to, name, code, ...)
  job.ver = int((job.ver or 0) + 1)
  local from, ver = job.state, job.ver
  call('HSET', P .. 'job:' .. id, 'state', to, 'ver', ver, ...)
  count(from, to)
  if not from then tally('submitted') elseif name == 'retried' then tally(name) end
  if to == 'failed' then tally('failed ' .. code) elseif to == 'completed' or to == 'cancelled' then tally(to) end
  job.state = to
  local text = emit(name, id, job.gen, ver, to, job.worker, job.attempt, code, job.signed or job.customer)
  if not (ver == '3' and name == 'completed' or ver == '2' and name == 'claimed' or ver == '1' and name == 'submitted') then
    keep_event(id, job, from, text)
  end
end
