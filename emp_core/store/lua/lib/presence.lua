-- presence: whether a call comes from the worker's present life, and what its state lets it do.

-- Its state, or nil if it must register (again).
local function state_of(this, worker, boot)
  local known = call('HMGET', this.prefix .. 'worker:' .. worker, 'boot', 'state', 'alive')
  if known[1] ~= boot or known[3] ~= '1' then return nil end
  return known[2]
end

-- Under which names a worker waits that may take only some jobs.
local function reserved_names(workflow, customers)
  if workflow ~= '' then return 'workflow:' .. workflow end
  return (string.gsub(customers, '%S+', 'customer:%0'))
end

return {
  state_of = state_of,
  reserved_names = reserved_names,
}
