-- events: what happened, in the queue's stream and in the job's own list.

local function emit(this, name, subject, gen, ver, state, worker, attempt, code, customer)
  local text = name .. ' ' .. subject .. ' ' .. (gen or 0) .. ' ' .. ver .. ' ' .. state .. ' ' .. (worker or '')
    .. ' ' .. (attempt or 0) .. ' ' .. (code or '') .. ' ' .. (customer or '')
  call('XADD', this.prefix .. 'events', 'MAXLEN', '~', as_text.events_kept, '*', 'e', text)
  return text
end

-- Most jobs are submitted, claimed and completed: these three events follow from the job's hash, so such a job has no
-- list of events. The first other event makes one, with the events before it; a job that comes from another queue left
-- its own there, and has no state before.
local function keep(this, id, job, from, text)
  local key, entries = this.prefix .. 'job.events:' .. id, { this.now_text .. ' ' .. text }
  local ver, of = tonumber(job.ver), ' ' .. id .. ' 0 '
  if from and ver > 1 and ver <= 3 and call('EXISTS', key) == 0 then
    local customer = job.customer or ''
    if ver == 3 then
      from = 'pending'
      local claimed = job.claimed or this.now_text
      table.insert(entries, 1, claimed .. ' claimed' .. of .. '2 active ' .. (job.worker or '') .. ' 1  ' .. customer)
    end
    local created = string.match(job.times or '', '^%d+') or this.now_text
    table.insert(entries, 1, created .. ' submitted' .. of .. '1 ' .. from .. '  0  ' .. customer)
  end
  if call('RPUSH', key, unpack(entries)) > policy.job_events_kept then call('LPOP', key) end
end

return {
  emit = emit,
  keep = keep,
}
