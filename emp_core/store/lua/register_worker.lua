-- register_worker: a worker begins a life (a new boot id) or comes back in the same one with another profile.
-- Guarantees: an id has one life at a time; what an earlier life left running is given back at once.
--
-- FLAGS  allow-oom
-- KEYS   schema       string  the layout's version; names the prefix
-- ARGV   worker       str
-- ARGV   boot         str
-- ARGV   machine      str
-- ARGV   lease        int     ms
-- ARGV   profile      str
-- ARGV   capabilities str     canonical
-- ARGV   rank         str
-- ARGV   waiter       str     whose wake-up list it reads
-- ARGV   slots        int
-- ARGV   info         str     JSON for people
-- ARGV   workflow     str     the only one whose jobs it takes, or ''
-- ARGV   services     str     `comfyui=up a1111=down`, and a line for each that is not up: `a1111 <ms> <why>`
-- ARGV   dead_boot    str     of an earlier life whose process is gone for sure; '' where none is known
-- DERIVES nearly every key: see the table of keys
-- USES   now profiles ending wake
-- ONCE   finish leave_active close_claim note_attempt avoiding to_pending
-- RETURNS state, number, ids given back; or `again`, 0, ids given back: call again for the rest; or
--         `refused:worker_id_in_use` with the boot, machine, info, last beat and end of the lease of the life that has
--         the id, and the time

local key = P .. 'worker:' .. worker
local known = call('HMGET', key, 'boot', 'state', 'alive', 'started', 'machine', 'info', 'beat')
local another = known[1] and known[1] ~= boot and known[3] == '1'
if another then
  local ends = tonumber(call('ZSCORE', P .. 'workers', worker)) or 0
  if ends > now and known[1] ~= dead_boot then
    return { 'refused:worker_id_in_use', known[1], known[5] or '', known[6] or '', tonumber(known[7]) or 0, ends, now }
  end
end

local given_back = {}
if another then
  local held = call('HGETALL', P .. 'jobs:active:' .. worker)
  local many = #held > 2 * POLICY.given_back_a_call
  for i = 1, many and 2 * POLICY.given_back_a_call or #held, 2 do
    local nonce, id = held[i], held[i + 1]
    local job = read_job(id)
    if job and job.nonce == nonce and job.state == 'active' then lose(id, job)
    elseif job and job.nonce == nonce and job.state == 'cancelling' then to_cancelled(id, job)
    else
      -- Damaged: the reaper looks at it next.
      call('ZADD', P .. 'leases', 'NX', now, id)
      call('HDEL', P .. 'jobs:active:' .. worker, nonce)
    end
    given_back[#given_back + 1] = id
  end
  -- The earlier life ends with its last job.
  if many then return { 'again', 0, given_back } end
end
if known[3] == '1' then retire_worker(worker, 'restarted', '') end

local kept = known[2] == 'paused' or known[2] == 'fenced'
local state = kept and known[2] or known[1] == boot and known[2] == 'draining' and 'draining' or 'ready'
local number = open_profile(profile, capabilities, rank)
local started = known[1] == boot and known[4] or now
call('HSET', key, 'boot', boot, 'state', state, 'alive', 1, 'gone', '', 'beat', now, 'machine', machine, 'started', started,
  'profile', profile, 'slot', number, 'rank', rank, 'waiter', waiter, 'slots', slots, 'info', info, 'services', services,
  'registered', now)
if not kept then call('HSET', key, 'reason', '') end
call('HDEL', key, 'ended')
call('ZADD', P .. 'workers', now + lease, worker)
call('ZREM', P .. 'workers.gone', worker)
call('SADD', P .. 'workers.named', worker)
if workflow ~= '' then call('HSET', P .. 'workers.reserved', worker, workflow) else call('HDEL', P .. 'workers.reserved', worker) end
count_worker(number, 1)
emit('worker_' .. state, '-', 0, 0, state, worker)
return { state, number, given_back }
