-- transfers: a waiting job as another queue can store it (docs/states.md T23).
--
-- `moving` marks a job that is on its way between two queues: `to <queue>` here, `from <queue>` there. Neither lets it run.

local function asked_of(this, class)
  local known = this.requirements
  known[class] = known[class] or call('HGET', this.prefix .. 'class:' .. class, 'requirements') or ''
  return known[class]
end

-- The jobs that a blocked one waits for; nil if one of them has ended, and the job has not been told yet. Of a job that
-- moves the parents may have gone ahead.
local function open_parents(this, job)
  local open = {}
  if job.state ~= 'blocked' then return open end
  for parent in string.gmatch(job.parents or '', '%S+') do
    local state = call('HGET', this.prefix .. 'job:' .. parent, 'state')
    if jobs.waits(state) or jobs.runs(state) then open[#open + 1] = parent end
  end
  if job.moving or #open == tonumber(job.waits) then return open end
end

-- What is left of the time in which it must start; none if that does not run.
local function ttl_left_of(this, job)
  if job.began or job.state == 'blocked' then return nil end
  return tonumber(job.ttl_left) or math.max(0, (jobs.ttl_at_of(job) or this.now) - this.now)
end

-- `fields`: words, the values that the caller wants.
local function transfer_of(this, id, job, open, fields)
  local flow = job.workflow and call('HMGET', this.prefix .. 'workflow:' .. job.workflow, 'priority', 'tick', 'next') or {}
  local size, children = call('STRLEN', this.prefix .. 'job.payload:' .. id), call('SCARD', this.prefix .. 'job.children:' .. id)
  local record = { 'ok', job.moving or '', job.class, asked_of(this, job.class), table.concat(open, ' '),
    flow[1] or '', flow[2] or '', flow[3] or '', int(size), int(children) }
  local left = ttl_left_of(this, job)
  job.created, job.ttl_left = jobs.created_of(this, job), left and int(left)
  if job.held == 'moving' then job.held = nil end
  for field in string.gmatch(fields, '%S+') do record[#record + 1] = tostring(job[field] or '') end
  return record
end

return {
  open_parents = open_parents,
  ttl_left_of = ttl_left_of,
  transfer_of = transfer_of,
}
