-- beat_worker: renews the leases of all jobs that a worker runs (docs/states.md T4b) and says so of the worker.
-- Guarantees: only the holder of the last claim issued renews; a cancelling job's lease is not renewed.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   worker    str
-- ARGV   boot      str
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   services  str     `comfyui=up a1111=down`, and a line for each that is not up: `a1111 <ms> <why>`
-- ARGV   memory    str     JSON of the GPUs' memory and the loaded models; '' if it is as before
-- REST   held      job attempt nonce
-- DERIVES nearly every key: see the table of keys
-- USES   now chores worker renew
-- RETURNS state, for each held job: ok | cancel | lost:why | stale

local state = present_worker(worker, boot)
if not state then return { 'refused:register' } end

local time_for_chores = note_seen(lease)
local answers = {}
for i = held_at, #ARGV, held_width do
  answers[#answers + 1] = renew(worker, lease, ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
call('HSET', P .. 'worker:' .. worker, 'beat', now, 'services', services)
if memory ~= '' then call('HSET', P .. 'worker:' .. worker, 'memory', memory) end
call('ZADD', P .. 'workers', now + lease, worker)
if time_for_chores then do_chores(POLICY.chore_batch, jitter) end
return { state, answers }
