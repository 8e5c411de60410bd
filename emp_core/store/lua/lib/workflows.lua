-- workflows: a workflow's waiting jobs, for workers that are reserved for it.
--
-- Of each profile that claims from it a cursor says above which score no job of the workflow can be claimed now: those that
-- do not fit, those at a limit (`parked.workflows` has the best of them), and those that wait for another worker, which are
-- looked at on their own. Who lists a job above a cursor lifts it to there.

local function lift_cursors(this, workflow, score)
  local key = this.prefix .. 'workflow.cursors:' .. workflow
  local lifted = {}
  for _, profile in ipairs(call('ZRANGE', key, '-inf', '(' .. score, 'BYSCORE')) do
    lifted[#lifted + 1] = score
    lifted[#lifted + 1] = profile
  end
  if lifted[1] then call('ZADD', key, unpack(lifted)) end
end

local function list(this, workflow, id, score)
  call('ZADD', this.prefix .. 'workflow.pending:' .. workflow, score, id)
  lift_cursors(this, workflow, score)
end

local function save_cursor(this, workflow, profile, score)
  local key = this.prefix .. 'workflow.cursors:' .. workflow
  call('ZADD', key, score, profile)
  call('PEXPIRE', key, policy.cursor_ms)
end

-- The best job that `may` says yes to, and its score; else false, or nil if the search goes on with the next call. `may`
-- says nil of a job before which the cursor must stop.
local function search(this, workflow, profile, may)
  local key = this.prefix .. 'workflow.pending:' .. workflow
  local began = call('ZSCORE', this.prefix .. 'workflow.cursors:' .. workflow, profile)
  local from, at = began and call('ZCOUNT', key, '(' .. began, '+inf') or 0, began
  local step, found = 2, nil
  local function look(some)
    for i = 1, #some, 2 do
      at = some[i + 1]
      -- A job is read with a command of its own.
      this.looked = this.looked + 2
      local said = may(some[i], at)
      if said then return some[i] end
      if said == nil then return false end
    end
    if #some < 2 * step then return false end
  end
  -- Jobs may share a score: it goes by rank, and ends only below the score that it began with.
  while found == nil and (this.looked < policy.pick_budget or at == began) do
    found = look(call('ZRANGE', key, from, from + step - 1, 'REV', 'WITHSCORES'))
    from, step = from + step, math.min(step * 4, 128)
  end
  if at and at ~= began then save_cursor(this, workflow, profile, at) end
  return found, at
end

return {
  lift_cursors = lift_cursors,
  list = list,
  search = search,
}
