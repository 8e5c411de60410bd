-- worker: whether a call comes from the worker's present life, and what its state lets it do.
--
-- USES wake
-- RARE reserved_names

-- Its state, or nil where it must register (again).
local function present_worker(worker, boot)
  local known = call('HMGET', P .. 'worker:' .. worker, 'boot', 'state', 'alive')
  if known[1] ~= boot or known[3] ~= '1' then return nil end
  return known[2]
end

-- Under which names a worker waits that may take only some jobs.
local function reserved_names(workflow, customers)
  if workflow ~= '' then return 'workflow:' .. workflow end
  return (string.gsub(customers, '%S+', 'customer:%0'))
end
