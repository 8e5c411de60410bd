-- jobs: reads a job's hash into a table; nil if there is none or it is damaged. Its numbers stay text, as Redis hands
-- them over: who counts with one converts it.
--
-- A field costs more than a word does, so three of them hold several: `spec` (class score max_failures digest), `times`
-- (created ttl_at) and `claim` (attempt nonce claimed began). `-`: not there, or not any more.

local WAITS, RUNS, ENDED = 1, 2, 3
local job_states = {
  blocked = WAITS, delayed = WAITS, pending = WAITS, active = RUNS, cancelling = RUNS,
  completed = ENDED, failed = ENDED, cancelled = ENDED,
}

local function read_spec(spec)
  return string.match(spec or '', '^(%S+) (%d+) (%d+) (%S+)$')
end

local function spec_of(job)
  return job.class .. ' ' .. job.score .. ' ' .. job.max_failures .. ' ' .. job.digest
end

local function claim_of(job)
  return job.attempt .. ' ' .. (job.nonce or '-') .. ' ' .. (job.claimed or '-') .. ' ' .. (job.began or '-')
end

local function ttl_at_of(job)
  return tonumber(string.match(job.times or '', '^%d+ (%d+)$'))
end

local function created_of(this, job)
  return string.match(job.times or '', '^%d+') or this.now_text
end

local function times_with(this, job, ttl_at)
  return created_of(this, job) .. ' ' .. int(ttl_at)
end

-- When the attempt under way has lasted as long as it may.
local function ends_of(job)
  local timeout = tonumber(job.timeout) or 0
  return tonumber(job.claimed) + (timeout > 0 and timeout or policy.attempt_timeout_ms)
end

-- The counter of an attempt's start: after which wait it is the first one since the job could run, or that it is not.
local function start_of(job)
  if job.began ~= job.claimed then return 'again' end
  local ttl_at = ttl_at_of(job)
  local wait_ms = ttl_at and job.claimed - ttl_at + (job.ttl or policy.queue_ttl_ms) or 0
  return trend.wait_counter(wait_ms)
end

-- In the newer protocol a hash comes as a table.
local function read(this, id)
  redis.setresp(3)
  local job = redis.pcall('HGETALL', this.prefix .. 'job:' .. id).map or {}
  redis.setresp(2)
  local state = job_states[job.state]
  job.class, job.score, job.max_failures, job.digest = read_spec(job.spec)
  job.ver = tonumber(job.ver)
  if not state or not job.class or not job.ver then return nil end
  if not job.claim then
    job.attempt = '0'
  else
    job.attempt, job.nonce, job.claimed, job.began = string.match(job.claim, '^(%d+) (%S+) ([%d-]+) ([%d-]+)$')
    if not job.attempt then return nil end
    if job.nonce == '-' then job.nonce = nil end
    if job.began == '-' then job.began = nil end
  end
  if state == RUNS and not (job.worker and job.nonce and tonumber(job.claimed)) then return nil end
  return job
end

-- Some fields of a job behind its class, for who needs no more; none of a damaged one.
local function peek(this, id, ...)
  local known = redis.pcall('HMGET', this.prefix .. 'job:' .. id, 'spec', ...)
  if known.err then return {} end
  known[1] = read_spec(known[1] or nil)
  return known
end

local function waits(state)
  return job_states[state] == WAITS
end

local function runs(state)
  return job_states[state] == RUNS
end

local function is_terminal(job)
  return job_states[job.state] == ENDED
end

return {
  waits = waits,
  runs = runs,
  read_spec = read_spec,
  spec_of = spec_of,
  claim_of = claim_of,
  ttl_at_of = ttl_at_of,
  created_of = created_of,
  times_with = times_with,
  ends_of = ends_of,
  start_of = start_of,
  read = read,
  peek = peek,
  is_terminal = is_terminal,
}
