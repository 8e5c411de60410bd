-- transfer: a waiting job as another queue can store it (docs/states.md T23).
--
-- `moving` marks a job that is on its way between two queues: `to <queue>` here, `from <queue>` there. Neither lets it run.
--
-- USES now job

-- Of the classes that this call has met.
local asked_by = {}

local function asked_of(class)
  asked_by[class] = asked_by[class] or call('HGET', P .. 'class:' .. class, 'requirements') or ''
  return asked_by[class]
end

-- The jobs that a blocked one waits for; nil if one of them has ended, and the job has not been told yet. Of a job that
-- moves the parents may have gone ahead.
local function open_parents(job)
  local open = {}
  if job.state ~= 'blocked' then return open end
  for parent in string.gmatch(job.parents or '', '%S+') do
    local state = job_states[call('HGET', P .. 'job:' .. parent, 'state')]
    if state == WAITS or state == RUNS then open[#open + 1] = parent end
  end
  if job.moving or #open == tonumber(job.waits) then return open end
end

-- What is left of the time in which it must start; none if that does not run.
local function ttl_left_of(job)
  if job.began or job.state == 'blocked' then return nil end
  return tonumber(job.ttl_left) or math.max(0, (ttl_at_of(job) or now) - now)
end

-- `fields`: words, the values that the caller wants.
local function transfer_of(id, job, open, fields)
  local flow = job.workflow and call('HMGET', P .. 'workflow:' .. job.workflow, 'priority', 'tick', 'next') or {}
  local size, children = call('STRLEN', P .. 'job.payload:' .. id), call('SCARD', P .. 'job.children:' .. id)
  local record = { 'ok', job.moving or '', job.class, asked_of(job.class), table.concat(open, ' '),
    flow[1] or '', flow[2] or '', flow[3] or '', int(size), int(children) }
  local left = ttl_left_of(job)
  job.created, job.ttl_left = created_of(job), left and int(left)
  if job.held == 'moving' then job.held = nil end
  for field in string.gmatch(fields, '%S+') do record[#record + 1] = tostring(job[field] or '') end
  return record
end
