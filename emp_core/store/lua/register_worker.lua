-- register_worker: a worker begins a life (a new boot id) or comes back in the same one with another profile.
-- Guarantees: an id has one life at a time; what an earlier life left running is given back at once.
--
-- FLAGS  allow-oom
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
-- ARGV   dead_boot    str     of an earlier life whose process is gone for sure; '' if none is known
-- DERIVES nearly every key: see the table of keys
-- RETURNS state, number, ids given back; or `again`, 0, ids given back: call again for the rest; or
--         `refused:worker_id_in_use` with the boot, machine, info, last beat and end of the lease of the life that has
--         the id, and the time

return function(this, worker, boot, machine, lease, profile, capabilities, rank, waiter, slots, info, workflow, services, dead_boot)
  local key = this.prefix .. 'worker:' .. worker
  local known = call('HMGET', key, 'boot', 'state', 'alive', 'started', 'machine', 'info', 'beat')
  local another = known[1] and known[1] ~= boot and known[3] == '1'
  if another then
    local ends = tonumber(call('ZSCORE', this.prefix .. 'workers', worker)) or 0
    if ends > this.now and known[1] ~= dead_boot then
      return { 'refused:worker_id_in_use', known[1], known[5] or '', known[6] or '', tonumber(known[7]) or 0, ends, this.now }
    end
  end

  local given_back = {}
  if another then
    local held = call('HGETALL', this.prefix .. 'jobs:active:' .. worker)
    local many = #held > 2 * policy.given_back_a_call
    for i = 1, many and 2 * policy.given_back_a_call or #held, 2 do
      local nonce, id = held[i], held[i + 1]
      local job = jobs.read(this, id)
      if job and job.nonce == nonce and job.state == 'active' then ending.lose(this, id, job)
      elseif job and job.nonce == nonce and job.state == 'cancelling' then ending.to_cancelled(this, id, job)
      else
        -- Damaged: the reaper looks at it next.
        call('ZADD', this.prefix .. 'leases', 'NX', this.now, id)
        call('HDEL', this.prefix .. 'jobs:active:' .. worker, nonce)
      end
      given_back[#given_back + 1] = id
    end
    -- The earlier life ends with its last job.
    if many then return { 'again', 0, given_back } end
  end
  if known[3] == '1' then profiles.retire_worker(this, worker, 'restarted', '') end

  local kept = known[2] == 'paused' or known[2] == 'fenced'
  local state = kept and known[2] or known[1] == boot and known[2] == 'draining' and 'draining' or 'ready'
  local number = profiles.open_profile(this, profile, capabilities, rank)
  local started = known[1] == boot and known[4] or this.now
  call('HSET', key, 'boot', boot, 'state', state, 'alive', 1, 'gone', '', 'beat', this.now, 'machine', machine, 'started', started,
    'profile', profile, 'slot', number, 'rank', rank, 'waiter', waiter, 'slots', slots, 'info', info, 'services', services,
    'registered', this.now)
  if not kept then call('HSET', key, 'reason', '') end
  call('HDEL', key, 'ended')
  call('ZADD', this.prefix .. 'workers', this.now + lease, worker)
  call('ZREM', this.prefix .. 'workers.gone', worker)
  call('SADD', this.prefix .. 'workers.named', worker)
  local reserved = this.prefix .. 'workers.reserved'
  if workflow ~= '' then call('HSET', reserved, worker, workflow) else call('HDEL', reserved, worker) end
  profiles.count_worker(this, number, 1)
  events.emit(this, 'worker_' .. state, '-', 0, 0, state, worker)
  return { state, number, given_back }
end
