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

local held_counts, minute_of_now

-- Waiting states have a count of their jobs. What else is counted belongs to the minute of `at`, in ms, or of now.
local function count_one(name, by, at)
  if held_counts and not at then
    held_counts[name] = (held_counts[name] or 0) + by
  elseif name == 'pending' or name == 'delayed' or name == 'blocked' then
    call('HINCRBY', P .. 'counts', name, by == 1 and '1' or by == -1 and '-1' or int(by))
  else
    local minute = not at and minute_of_now or string.format('%d', (at or now) / TREND.MINUTE_MS)
    if not at then minute_of_now = minute end
    local key = P .. 'trend:' .. minute
    -- A counter that is new may be the first of its minute. `int` of a number costs a third of the command.
    if call('HINCRBY', key, name, by == 1 and '1' or int(by)) ~= by then return end
    call('PEXPIREAT', key, int((at or now) - (at or now) % TREND.MINUTE_MS + TREND.KEPT_MS))
    call('SET', P .. 'trend.since', now_text, 'NX')
  end
end

-- What `act` moves is counted in one go, also where it breaks off.
local function counting(act)
  held_counts = {}
  local done, answer = pcall(act)
  local changes = held_counts
  held_counts = nil
  for name, by in pairs(changes) do
    if by ~= 0 then count_one(name, by) end
  end
  if not done then error(answer, 0) end
  return answer
end

-- Jobs of the other states need no count: each has a list of just its jobs.
local function count(from, to)
  if from == to then return end
  if from == 'pending' or from == 'delayed' or from == 'blocked' then count_one(from, -1) end
  if to == 'pending' or to == 'delayed' or to == 'blocked' then count_one(to, 1) end
end

-- An order to a job sets `job.signed`: its customer, and who gives the order.
local function transition(id, job, to, name, code, ...)
  job.ver = int((job.ver or 0) + 1)
  local from, ver = job.state, job.ver
  call('HSET', P .. 'job:' .. id, 'state', to, 'ver', ver, ...)
  count(from, to)
  if not from then count_one('submitted', 1) elseif name == 'retried' then count_one(name, 1) end
  if to == 'failed' then count_one('failed ' .. code, 1)
  elseif to == 'completed' or to == 'cancelled' then count_one(to, 1) end
  job.state = to
  local text = emit(name, id, job.gen, ver, to, job.worker, job.attempt, code, job.signed or job.customer)
  if not (ver == '3' and name == 'completed' or ver == '2' and name == 'claimed' or ver == '1' and name == 'submitted') then
    keep_event(id, job, from, text)
  end
end
