-- forget_workers: drops the memory of workers that have been gone for long.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   keep      int     ms that a gone worker is remembered
-- ARGV   batch     int
-- DERIVES worker:<id>, worker.failures:<id>, worker.refusals:<id>, jobs:active:<worker>, workers.gone, workers.named, leases
-- USES   now
-- RETURNS how many were forgotten

local gone = call('ZRANGE', P .. 'workers.gone', '-inf', now - keep, 'BYSCORE', 'LIMIT', 0, batch)
-- What it left running is given back by its lease first.
local function still_holds(worker)
  for _, id in ipairs(call('HVALS', P .. 'jobs:active:' .. worker)) do
    if call('ZSCORE', P .. 'leases', id) then return true end
  end
  return false
end

-- Its name stays known while there are jobs that it ran last.
local function forget_name(worker)
  if call('EXISTS', P .. 'worker.jobs:' .. worker) == 0 then call('SREM', P .. 'workers.named', worker) end
end

local forgotten = 0
for _, worker in ipairs(gone) do
  if not still_holds(worker) then
    call('ZREM', P .. 'workers.gone', worker)
    forget_name(worker)
    call('UNLINK', P .. 'worker:' .. worker, P .. 'worker.failures:' .. worker, P .. 'worker.refusals:' .. worker, P .. 'jobs:active:' .. worker)
    forgotten = forgotten + 1
  end
end
return forgotten
