-- forget_workers: drops the memory of workers that have been gone for long.
--
-- FLAGS  allow-oom
-- ARGV   keep      int     ms that a gone worker is remembered
-- ARGV   batch     int
-- DERIVES worker:<id>, worker.failures:<id>, worker.refusals:<id>, jobs:active:<worker>, workers.gone, workers.named, leases
-- RETURNS how many were forgotten

return function(this, keep, batch)
  local gone = call('ZRANGE', this.prefix .. 'workers.gone', '-inf', this.now - keep, 'BYSCORE', 'LIMIT', 0, batch)
  -- What it left running is given back by its lease first.
  local function still_holds(worker)
    for _, id in ipairs(call('HVALS', this.prefix .. 'jobs:active:' .. worker)) do
      if call('ZSCORE', this.prefix .. 'leases', id) then return true end
    end
    return false
  end

  -- Its name stays known while there are jobs that it ran last.
  local function forget_name(worker)
    if call('EXISTS', this.prefix .. 'worker.jobs:' .. worker) == 0 then call('SREM', this.prefix .. 'workers.named', worker) end
  end

  local forgotten = 0
  for _, worker in ipairs(gone) do
    if not still_holds(worker) then
      call('ZREM', this.prefix .. 'workers.gone', worker)
      forget_name(worker)
      call('UNLINK', this.prefix .. 'worker:' .. worker, this.prefix .. 'worker.failures:' .. worker,
        this.prefix .. 'worker.refusals:' .. worker, this.prefix .. 'jobs:active:' .. worker)
      forgotten = forgotten + 1
    end
  end
  return forgotten
end
