-- steer_worker: an operator's or the worker's own word on what it may do: pause, resume, drain, fence, stop.
--
-- FLAGS  allow-oom
-- ARGV   worker    str
-- ARGV   boot      str     the worker itself speaks, in this life; or '' for an operator
-- ARGV   state     str     ready | paused | draining | fenced | stopped
-- ARGV   reason    str
-- ARGV   by        str     role, actor and request id of who gives the order, or ''
-- DERIVES worker:<id>, workers, workers.gone, the idle sets, profiles.*, wake:<waiter>, events
-- RETURNS the state before, `gone`, or refused:register

return function(this, worker, boot, state, reason, by)
  local key = this.prefix .. 'worker:' .. worker
  local known = call('HMGET', key, 'boot', 'state', 'alive')
  if not known[1] then return 'gone' end
  if boot ~= '' and known[1] ~= boot then return 'refused:register' end
  -- A worker that ends while it is paused or fenced is still so when it comes back.
  if boot ~= '' and state == 'draining' and known[2] ~= 'ready' then return known[2] end
  if state == 'stopped' then
    profiles.retire_worker(this, worker, 'stopped', reason)
  else
    if known[3] ~= '1' and state == 'draining' then return 'gone' end
    call('HSET', key, 'state', state, 'reason', reason)
    if state == 'ready' then
      call('DEL', this.prefix .. 'worker.failures:' .. worker, this.prefix .. 'worker.refusals:' .. worker)
    else
      idle_workers.leave(this, worker)
      waking.return_tokens(this, worker)
    end
    waking.tell(this, worker, 'control -')
  end
  events.emit(this, 'worker_' .. state, '-', 0, 0, state, worker, 0, '', string.match(by, ' .*'))
  local verb = ({ ready = 'resume', paused = 'pause', draining = 'drain', fenced = 'fence', stopped = 'stop' })[state]
  orders.audit(this, by, reason, verb, 'worker', worker, known[2], state, known[2] == state and 'unchanged' or 'done')
  return known[2]
end
