-- fencing: a worker that fails what others do well is a black hole, and is kept from claiming.

-- A class remembers the last two different workers that ran it well: 'worker ms'.

local function ran_well(this, worker, class, failed_before)
  if failed_before then call('DEL', this.prefix .. 'worker.failures:' .. worker, this.prefix .. 'worker.refusals:' .. worker) end
  if this.ran_well[class] then return end
  this.ran_well[class] = true
  local last = call('HGET', this.prefix .. 'class:' .. class, 'well')
  local name, at = string.match(last or '', '^(%S+) (%d+)$')
  if name == worker and this.now - at < policy.well_noted_ms then return end
  local fields = { 'well', worker .. ' ' .. this.now }
  if name and name ~= worker then
    fields[3], fields[4] = 'well_before', last
  end
  call('HSET', this.prefix .. 'class:' .. class, unpack(fields))
end

local function others_run_well(this, worker, class)
  for _, entry in ipairs(call('HMGET', this.prefix .. 'class:' .. class, 'well', 'well_before')) do
    local name, at = string.match(entry or '', '^(%S+) (%d+)$')
    if name and name ~= worker and this.now - at < policy.well_ms then return true end
  end
  return false
end

local function fence(this, worker, why)
  call('HSET', this.prefix .. 'worker:' .. worker, 'state', 'fenced', 'reason', why)
  idle_workers.leave(this, worker)
  waking.return_tokens(this, worker)
  events.emit(this, 'worker_fenced', '-', 0, 0, 'fenced', worker, 0, why)
end

-- Three in a row, of different classes (a customer's jobs are a class of their own), blamed on the worker or its backend.
local function ran_badly(this, worker, class, blame)
  local key = this.prefix .. 'worker.failures:' .. worker
  if blame == 'job' then return end
  call('LREM', key, 0, class)
  call('RPUSH', key, class)
  call('LTRIM', key, -3, -1)
  if call('LLEN', key) < 3 then return end
  local well = false
  for _, name in ipairs(call('LRANGE', key, 0, -1)) do well = well or others_run_well(this, worker, name) end
  if well then
    fence(this, worker, 'three_failures_in_a_row')
  else
    events.emit(this, 'worker_suspect', '-', 0, 0, 'ready', worker, 0, 'three_failures_in_a_row')
  end
end

-- A worker that lacks what a job needs may be right, and the job's model misspelt: that counts only once another worker has
-- run the job, and the worker has run none well since.
local function note_refusal(this, worker, class)
  local key = this.prefix .. 'worker.refusals:' .. worker
  call('LREM', key, 0, class)
  call('RPUSH', key, class)
  call('LTRIM', key, -policy.refusals_kept, -1)
end

local function blame_refusers(this, job, worker)
  for name in string.gmatch(job.avoid, '%S+') do
    local refused = name ~= worker and call('LREM', this.prefix .. 'worker.refusals:' .. name, 0, job.class) > 0
    if refused and call('HGET', this.prefix .. 'worker:' .. name, 'alive') == '1' then ran_badly(this, name, job.class, 'backend') end
  end
end

return {
  ran_well = ran_well,
  ran_badly = ran_badly,
  note_refusal = note_refusal,
  blame_refusers = blame_refusers,
}
