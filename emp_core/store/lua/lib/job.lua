-- job: reads a job's hash into a table with its numbers as numbers; nil where there is none or its state is damaged.

local job_numbers = { 'ver', 'gen', 'attempt', 'failures', 'losses', 'releases', 'max_failures', 'timeout', 'waits' }
local job_states = {
  blocked = 1, delayed = 1, pending = 1, active = 1, cancelling = 1, completed = 2, failed = 2, cancelled = 2,
}

-- In the newer protocol a hash comes as a table.
local function read_job(id)
  redis.setresp(3)
  local job = redis.pcall('HGETALL', P .. 'job:' .. id).map or {}
  redis.setresp(2)
  if not job_states[job.state] or not job.class or not job.score then return nil end
  if job.nonce == '' then job.nonce = nil end
  for _, name in ipairs(job_numbers) do job[name] = tonumber(job[name]) or 0 end
  return job
end

-- Some fields of a job, where the rest does not matter; none of a damaged one.
local function peek_job(id, ...)
  local known = redis.pcall('HMGET', P .. 'job:' .. id, ...)
  return known.err and {} or known
end

local function is_terminal(job)
  return job_states[job.state] == 2
end
