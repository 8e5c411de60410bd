-- import_jobs: stores jobs that waited in another queue, each whole or not at all, in their old places (docs/states.md T23).
-- Guarantees: a repeated call answers `already`.
--
-- FLAGS
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   max_waiting int   the limit of waiting jobs
-- ARGV   mark      str     `from` and the other queue's id: the jobs move, and wait for release_moved; or ''
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   orphans   str     what becomes of a job if one that it waits for is missing: hold, fail, or '' to refuse it
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- REST   jobs      id class requirements waits_for workflow_priority workflow_tick workflow_next score attempt gen ver failures losses releases max_failures customer workflow labels idem code cause error held on_lost parents timeout created due deadline claimed began ttl on_dep digest ttl_left body
-- DERIVES nearly every key: see the table of keys
-- USES   now tick finish submit order
-- RETURNS for each: as submit_jobs; or only `superseded`

-- A job that comes back to the queue that it was moved from.
local function was_moved_away(r)
  if mark == '' or string.sub(call('GET', P .. 'job.gone:' .. r.id) or '', 1, 6) ~= 'moved:' then return false end
  call('DEL', P .. 'job.gone:' .. r.id)
  return true
end

-- The jobs that it waits for, and whether one has failed; nil and the id of one that is missing. Of jobs that move
-- together, those that are missing are still to come.
local function waited_for(r)
  local there, missing = {}, {}
  for parent in string.gmatch(r.waits_for or '', '%S+') do
    local found = call('EXISTS', P .. 'job:' .. parent) == 1 and there or missing
    found[#found + 1] = parent
  end
  if #missing > 0 and mark == '' and orphans == '' then return nil, missing[1] end
  local open, failed = read_parents({ parents = table.concat(there, ' '), customer = r.customer, arrives = mark ~= '' })
  if not open then return nil, failed end
  if mark ~= '' then
    for _, parent in ipairs(missing) do open[#open + 1] = parent end
  elseif #missing > 0 then
    r.held, failed = orphans == 'hold' and '1' or nil, failed or orphans == 'fail'
  end
  return open, failed
end

-- The first of a workflow's jobs brings the workflow's place.
local function join_workflow(r)
  local key = P .. 'workflow:' .. r.workflow
  if call('EXISTS', key) == 0 then
    call('HSET', key, 'priority', r.workflow_priority, 'tick', r.workflow_tick, 'next', r.workflow_next, 'first_seen', now)
  elseif tonumber(call('HGET', key, 'next')) < tonumber(r.workflow_next) then
    call('HSET', key, 'next', r.workflow_next)
  end
  call('HINCRBY', key, 'jobs', 1)
  call('ZADD', P .. 'workflow.jobs:' .. r.workflow, r.created, r.id)
end

local counters = { 'gen', 'failures', 'losses', 'releases', 'code', 'cause', 'error' }

local function store_imported(r, job)
  r.run_at = r.due
  local fields = store(r, job)
  for _, name in ipairs(counters) do
    if r[name] then
      fields[#fields + 1] = name
      fields[#fields + 1] = r[name]
    end
  end
  if r.attempt and r.attempt ~= '0' then
    fields[#fields + 1] = 'claim'
    fields[#fields + 1] = claim_of(job)
  end
  if mark ~= '' then
    fields[#fields + 1] = 'moving'
    fields[#fields + 1] = mark
    call('HSET', P .. 'moving', r.id, mark)
  end
  return fields
end

local function list_held(r, job, fields)
  if mark == '' and not r.began then watch_expiry(r.id, nil, r.deadline) end
  call('ZADD', P .. 'held', now, r.id)
  transition(r.id, job, 'delayed', 'imported', nil, 'held', r.held or 'moving', 'ttl_left', int(job.ttl_at - now), unpack(fields))
end

local function list_imported(r, job, fields, open, failed)
  if failed and r.on_dep ~= 'run' then
    transition(r.id, job, 'blocked', 'imported', nil, unpack(fields))
    return finish(r.id, job, 'failed', 'dependency')
  end
  if #open > 0 then
    for _, parent in ipairs(open) do call('SADD', P .. 'job.children:' .. parent, r.id) end
    call('ZADD', P .. 'blocked', now, r.id)
    return transition(r.id, job, 'blocked', 'imported', nil, 'waits', #open, unpack(fields))
  end
  if r.held or mark ~= '' then return list_held(r, job, fields) end
  if not r.began then watch_expiry(r.id, job.ttl_at, r.deadline) end
  if (tonumber(r.due) or 0) > now then return to_delayed(r.id, job, 'imported', nil, r.due, unpack(fields)) end
  to_pending(r.id, job, 'imported', nil, unpack(fields))
end

local function import(r)
  local known = not was_moved_away(r) and known_answer(r)
  if known then return known end
  waiting = waiting or read_waiting()
  if waiting >= max_waiting then return { 'full', tostring(max_waiting) } end
  local open, failed = waited_for(r)
  if not open then return { 'parent', failed } end
  local standing = join_class(r)
  if r.workflow then join_workflow(r) end
  local left = tonumber(r.ttl_left) or tonumber(r.ttl) or POLICY.queue_ttl_ms
  local job = { class = r.class, score = r.score, max_failures = r.max_failures, digest = r.digest, customer = r.customer,
    workflow = r.workflow, ttl_at = now + left, deadline = r.deadline, ttl = r.ttl, waits = #open, gen = r.gen, ver = r.ver or '1',
    attempt = r.attempt or '0', claimed = r.claimed, began = r.began, on_dep = r.on_dep }
  if by ~= '' then job.signed = (r.customer or '') .. string.match(by, ' .*') end
  list_imported(r, job, store_imported(r, job), open, failed)
  waiting = waiting + 1
  audit(by, reason, 'import', 'job', r.id, 'none', r.held and 'held' or job.state, 'done', r.customer)
  return { 'ok', r.id, job.state, standing }
end

return counting(function()
  if mark ~= '' and is_superseded(mark, command) then return { 'superseded' } end
  local answers = {}
  for i = jobs_at, #ARGV, jobs_width do answers[#answers + 1] = import(jobs_record(i)) end
  return answers
end)
