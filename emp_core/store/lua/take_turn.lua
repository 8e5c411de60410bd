-- take_turn: a worker's turn: settles what its slots have done and claims for those that are free (docs/states.md T3, T6-T8, T13).
-- Guarantees: the best job that the profile fits, for each free slot; only the last claim issued can settle; repeating
-- the call with the same nonces changes nothing and gives the same answers; whoever finds nothing is idle afterwards.
--
-- FLAGS  allow-oom
-- ARGV   worker    str
-- ARGV   boot      str
-- ARGV   profile   str     what is left of the worker's profile while some of its services are down
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   token     str     the class of the wake-up that led here, or ''
-- ARGV   workflow  str     claim from this workflow only, or ''
-- ARGV   customers str     claim for these customers only (words), or ''
-- ARGV   nonces    str     one word for each free slot
-- RECORD verb job attempt nonce data
-- DERIVES nearly every key: see the table of keys
-- RETURNS state, answers of settled, claimed jobs, classes to judge, 1 if the search goes on with the next call

return function(this, worker, boot, profile, lease, jitter, token, workflow, customers, nonces, records)
  local state, number = presence.state_of(this, worker, boot), tonumber(call('HGET', this.prefix .. 'profiles', profile))
  if not state or not number then
    if token ~= '' then waking.pass_on(this, token) end
    return { 'refused:register' }
  end

  local answers = records[1] and settling.settle_all(this, worker, jitter, records) or {}
  if chores.note_seen(this, lease) then
    chores.do_chores(this, policy.chore_batch, jitter)
    -- Its own time may have been up: then its jobs wait, and it comes back for them before it claims any.
    if not presence.state_of(this, worker, boot) then
      if token ~= '' then waking.pass_on(this, token) end
      return { 'lost', answers, {}, {}, 0 }
    end
  end

  -- A failure may have fenced the worker.
  if this.some_failed then state = call('HGET', this.prefix .. 'worker:' .. worker, 'state') end
  if nonces == '' then
    idle_workers.leave(this, worker)
    if token ~= '' then waking.pass_on(this, token) end
    return { state, answers, {}, {}, 0 }
  end

  local ready = state == 'ready'
  local wanted, seen = {}, {}
  for nonce in string.gmatch(nonces, '%S+') do
    if not seen[nonce] then wanted[#wanted + 1] = nonce end
    seen[nonce] = true
  end
  local turn = { profile = profile, number = number, worker = worker, nonces = wanted, lease = lease, workflow = workflow,
    customers = customers }
  local claimed, unjudged, done, idle = claiming.claim_all(this, ready, turn)
  local used = false
  for _, claim in ipairs(claimed) do used = used or claim.answer == 'ok' and claim.job.class == token end
  if token ~= '' or not idle then idle_workers.leave(this, worker) end
  if token ~= '' and not used then waking.pass_on(this, token) end
  if idle then
    local names = presence.reserved_names(workflow, customers)
    idle_workers.join(this, worker, number, names)
    -- Nobody else sees that it waits under this profile, which need not be the one that it registered.
    if names ~= '' then call('ZADD', this.prefix .. 'profiles.used', this.now, profile) end
  end
  return { state, answers, claiming.handed(this, claimed), unjudged, done and 0 or 1 }
end
