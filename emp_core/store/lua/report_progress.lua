-- report_progress: keeps the latest progress and the log lines of running attempts.
-- Guarantees: only the holder of an active claim writes; the job's version does not change.
--
-- FLAGS  allow-oom
-- ARGV   worker    str
-- RECORD job attempt nonce percent stall message lines
-- DERIVES job:<id>, job.log:<id>, job.watched:<id>, timeouts, progress
-- RETURNS for each: ok | watched (previews are asked for) | cancel | stale

return function(this, worker, records)
  local watched = {}
  for n, record in ipairs(records) do watched[n] = this.prefix .. 'job.watched:' .. record.job end
  local nobody_watches = not watched[1] or call('EXISTS', unpack(watched)) == 0

  -- Without `percent` the progress stays as it is; `stall` in ms, 0 if silence means nothing; `lines` each end in a line feed.
  local function report(record)
    local id, attempt, percent, message = record.job, record.attempt, record.percent, record.message or ''
    local key = this.prefix .. 'job:' .. id
    local known = redis.pcall('HMGET', key, 'state', 'worker', 'claim', 'stalls', 'customer')
    local job = { state = known[1], worker = known[2], claim = known[3] or nil }
    if not active.holds_claim(job, worker, attempt, record.nonce) then return 'stale' end
    if job.state ~= 'active' then return job.state == 'cancelling' and 'cancel' or 'stale' end
    local stall, fields = tonumber(record.stall), {}
    if stall > 0 then fields = { 'stalls', stalling.watch(this, id, known[4], stall) } end
    if percent then
      for _, word in ipairs({ 'progress', percent, 'message', message }) do fields[#fields + 1] = word end
    end
    if fields[1] then call('HSET', key, unpack(fields)) end
    if percent or record.lines then news.tell(this, id, attempt, percent or 'log', known[5], message) end
    if record.lines then
      for line in string.gmatch(record.lines, '([^\n]*)\n') do call('RPUSH', this.prefix .. 'job.log:' .. id, line) end
      call('LTRIM', this.prefix .. 'job.log:' .. id, -policy.log_lines, -1)
    end
    return not nobody_watches and call('EXISTS', this.prefix .. 'job.watched:' .. id) == 1 and 'watched' or 'ok'
  end

  local answers = {}
  for n, record in ipairs(records) do answers[n] = report(record) end
  return answers
end
