-- beat_worker: renews the leases of all jobs that a worker runs (docs/states.md T4b) and says so of the worker.
-- Guarantees: only the holder of the last claim issued renews; a cancelling job's lease is not renewed.
--
-- FLAGS  allow-oom
-- ARGV   worker    str
-- ARGV   boot      str
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   services  str     `comfyui=up a1111=down`, and a line for each that is not up: `a1111 <ms> <why>`
-- ARGV   memory    str     JSON of the GPUs' memory and the loaded models; '' if it is as before
-- RECORD job attempt nonce
-- DERIVES nearly every key: see the table of keys
-- RETURNS state, for each held job: ok | cancel | lost:why | stale

return function(this, worker, boot, lease, jitter, services, memory, records)
  local state = presence.state_of(this, worker, boot)
  if not state then return { 'refused:register' } end

  local time_for_chores = chores.note_seen(this, lease)
  local answers = {}
  for n, held in ipairs(records) do
    answers[n] = renewing.renew(this, worker, lease, held.job, held.attempt, held.nonce)
  end
  call('HSET', this.prefix .. 'worker:' .. worker, 'beat', this.now, 'services', services)
  if memory ~= '' then call('HSET', this.prefix .. 'worker:' .. worker, 'memory', memory) end
  call('ZADD', this.prefix .. 'workers', this.now + lease, worker)
  if time_for_chores then chores.do_chores(this, policy.chore_batch, jitter) end
  return { state, answers }
end
