-- import_jobs: stores jobs that waited in another queue, each whole or not at all, in their old places (docs/states.md T23).
-- Guarantees: a repeated call answers `already`.
--
-- FLAGS
-- ARGV   max_waiting int   the limit of waiting jobs
-- ARGV   mark      str     `from` and the other queue's id: the jobs move, and wait for release_moved; or ''
-- ARGV   command   str     the id of the command that moves the jobs, or ''
-- ARGV   orphans   str     what becomes of a job if one that it waits for is missing: hold, fail, or '' to refuse it
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- ARGV   reason    str     for the audit
-- RECORD id class requirements waits_for workflow_priority workflow_tick workflow_next score attempt gen ver failures losses releases max_failures customer workflow labels idem code cause error held on_lost parents timeout created due deadline claimed began ttl on_dep digest ttl_left body
-- DERIVES nearly every key: see the table of keys
-- RETURNS for each: as submit_jobs; or only `superseded`

return function(this, max_waiting, mark, command, orphans, by, reason, records)
  -- A job that comes back to the queue that it was moved from.
  local function was_moved_away(r)
    if mark == '' or string.sub(call('GET', this.prefix .. 'job.gone:' .. r.id) or '', 1, 6) ~= 'moved:' then return false end
    call('DEL', this.prefix .. 'job.gone:' .. r.id)
    return true
  end

  -- The jobs that it waits for, and whether one has failed; nil and the id of one that is missing. Of jobs that move
  -- together, those that are missing are still to come.
  local function waited_for(r)
    local there, missing = {}, {}
    for parent in string.gmatch(r.waits_for or '', '%S+') do
      local found = call('EXISTS', this.prefix .. 'job:' .. parent) == 1 and there or missing
      found[#found + 1] = parent
    end
    if #missing > 0 and mark == '' and orphans == '' then return nil, missing[1] end
    local open, failed = submitting.read_parents(this, { parents = table.concat(there, ' '), customer = r.customer, arrives = mark ~= '' })
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
    local key = this.prefix .. 'workflow:' .. r.workflow
    if call('EXISTS', key) == 0 then
      call('HSET', key, 'priority', r.workflow_priority, 'tick', r.workflow_tick, 'next', r.workflow_next, 'first_seen', this.now)
    elseif tonumber(call('HGET', key, 'next')) < tonumber(r.workflow_next) then
      call('HSET', key, 'next', r.workflow_next)
    end
    call('HINCRBY', key, 'jobs', 1)
    call('ZADD', this.prefix .. 'workflow.jobs:' .. r.workflow, r.created, r.id)
  end

  local told = { 'gen', 'failures', 'losses', 'releases', 'code', 'cause', 'error' }

  local function store_imported(r, job)
    r.run_at = r.due
    local fields = submitting.store(this, r, job)
    for _, name in ipairs(told) do
      if r[name] then
        fields[#fields + 1] = name
        fields[#fields + 1] = r[name]
      end
    end
    if r.attempt and r.attempt ~= '0' then
      fields[#fields + 1] = 'claim'
      fields[#fields + 1] = jobs.claim_of(job)
    end
    if mark ~= '' then
      fields[#fields + 1] = 'moving'
      fields[#fields + 1] = mark
      call('HSET', this.prefix .. 'moving', r.id, mark)
    end
    return fields
  end

  local function list_held(r, job, fields)
    if mark == '' and not r.began then pending.watch_expiry(this, r.id, nil, r.deadline) end
    call('ZADD', this.prefix .. 'held', this.now, r.id)
    local left = int(job.ttl_at - this.now)
    transitions.transition(this, r.id, job, 'delayed', 'imported', nil, 'held', r.held or 'moving', 'ttl_left', left, unpack(fields))
  end

  local function list_imported(r, job, fields, open, failed)
    if failed and r.on_dep ~= 'run' then
      transitions.transition(this, r.id, job, 'blocked', 'imported', nil, unpack(fields))
      return finishing.finish(this, r.id, job, 'failed', 'dependency')
    end
    if #open > 0 then
      for _, parent in ipairs(open) do call('SADD', this.prefix .. 'job.children:' .. parent, r.id) end
      call('ZADD', this.prefix .. 'blocked', this.now, r.id)
      return transitions.transition(this, r.id, job, 'blocked', 'imported', nil, 'waits', #open, unpack(fields))
    end
    if r.held or mark ~= '' then return list_held(r, job, fields) end
    if not r.began then pending.watch_expiry(this, r.id, job.ttl_at, r.deadline) end
    if (tonumber(r.due) or 0) > this.now then return pending.to_delayed(this, r.id, job, 'imported', nil, r.due, unpack(fields)) end
    pending.to_pending(this, r.id, job, 'imported', nil, unpack(fields))
  end

  local function import(r)
    local known = not was_moved_away(r) and submitting.known_answer(this, r)
    if known then return known end
    this.waiting = this.waiting or submitting.read_waiting(this)
    if this.waiting >= max_waiting then return { 'full', tostring(max_waiting) } end
    local open, failed = waited_for(r)
    if not open then return { 'parent', failed } end
    local standing = submitting.join_class(this, r)
    if r.workflow then join_workflow(r) end
    local left = tonumber(r.ttl_left) or tonumber(r.ttl) or policy.queue_ttl_ms
    local job = { class = r.class, score = r.score, max_failures = r.max_failures, digest = r.digest, customer = r.customer,
      workflow = r.workflow, ttl_at = this.now + left, deadline = r.deadline, ttl = r.ttl, waits = #open, gen = r.gen, ver = r.ver or '1',
      attempt = r.attempt or '0', claimed = r.claimed, began = r.began, on_dep = r.on_dep }
    if by ~= '' then job.signed = (r.customer or '') .. string.match(by, ' .*') end
    list_imported(r, job, store_imported(r, job), open, failed)
    this.waiting = this.waiting + 1
    orders.audit(this, by, reason, 'import', 'job', r.id, 'none', r.held and 'held' or job.state, 'done', r.customer)
    return { 'ok', r.id, job.state, standing }
  end

  return writes.together(this, function()
    if mark ~= '' and orders.is_superseded(this, mark, command) then return { 'superseded' } end
    local answers = {}
    for n, record in ipairs(records) do answers[n] = import(record) end
    return answers
  end)
end
