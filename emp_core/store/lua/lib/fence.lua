-- fence: a worker that fails what others do well is a black hole, and is kept from claiming.
--
-- USES wake transition
-- RARE ran_badly note_refusal blame_refusers

local WELL_MS = 3600000

-- A class remembers the last two different workers that ran it well: 'worker ms'.
local noted = {}

local function ran_well(worker, class, failed_before)
  if failed_before then call('DEL', P .. 'worker.failures:' .. worker, P .. 'worker.refusals:' .. worker) end
  if noted[class] then return end
  noted[class] = true
  local last = call('HGET', P .. 'class:' .. class, 'well')
  local name, at = string.match(last or '', '^(%S+) (%d+)$')
  if name == worker and now - at < 60000 then return end
  local fields = { 'well', worker .. ' ' .. now }
  if name and name ~= worker then
    fields[3], fields[4] = 'well_before', last
  end
  call('HSET', P .. 'class:' .. class, unpack(fields))
end

local function others_run_well(worker, class)
  for _, entry in ipairs(call('HMGET', P .. 'class:' .. class, 'well', 'well_before')) do
    local name, at = string.match(entry or '', '^(%S+) (%d+)$')
    if name and name ~= worker and now - at < WELL_MS then return true end
  end
  return false
end

local function fence_worker(worker, why)
  call('HSET', P .. 'worker:' .. worker, 'state', 'fenced', 'reason', why)
  leave_idle(worker)
  return_tokens(worker)
  emit('worker_fenced', '-', 0, 0, 'fenced', worker, 0, why)
end

-- Three in a row, of different classes (a customer's jobs are a class of their own), blamed on the worker or its backend.
local function ran_badly(worker, class, blame)
  local key = P .. 'worker.failures:' .. worker
  if blame == 'job' then return end
  call('LREM', key, 0, class)
  call('RPUSH', key, class)
  call('LTRIM', key, -3, -1)
  if call('LLEN', key) < 3 then return end
  local well = false
  for _, name in ipairs(call('LRANGE', key, 0, -1)) do well = well or others_run_well(worker, name) end
  if well then
    fence_worker(worker, 'three_failures_in_a_row')
  else
    emit('worker_suspect', '-', 0, 0, 'ready', worker, 0, 'three_failures_in_a_row')
  end
end

-- A worker that lacks what a job needs may be right, and the job's model misspelt: that counts only once another worker has
-- run the job, and the worker has run none well since.
local function note_refusal(worker, class)
  local key = P .. 'worker.refusals:' .. worker
  call('LREM', key, 0, class)
  call('RPUSH', key, class)
  call('LTRIM', key, -POLICY.refusals_kept, -1)
end

local function blame_refusers(job, worker)
  for name in string.gmatch(job.avoid, '%S+') do
    local refused = name ~= worker and call('LREM', P .. 'worker.refusals:' .. name, 0, job.class) > 0
    if refused and call('HGET', P .. 'worker:' .. name, 'alive') == '1' then ran_badly(name, job.class, 'backend') end
  end
end
