-- report_progress: keeps the latest progress and the log lines of running attempts.
-- Guarantees: only the holder of an active claim writes; the job's version does not change.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   worker    str
-- REST   reports   job attempt nonce percent stall message lines
-- DERIVES job:<id>, job.log:<id>, job.watched:<id>, timeouts, progress
-- USES   active stall
-- RETURNS for each: ok | watched (previews are asked for) | cancel | stale

-- `percent` '' leaves the progress as it is; `stall` ms, 0 where silence means nothing; `lines` each end in a line feed.
local function report(id, attempt, nonce, percent, stall, message, lines)
  local key = P .. 'job:' .. id
  local known = redis.pcall('HMGET', key, 'state', 'worker', 'claim')
  local job = { state = known[1], worker = known[2], claim = known[3] or nil }
  if not holds_claim(job, worker, attempt, nonce) then return 'stale' end
  if job.state ~= 'active' then return job.state == 'cancelling' and 'cancel' or 'stale' end
  if tonumber(stall) > 0 then watch_stall(id, tonumber(stall)) end
  if percent ~= '' then
    call('HSET', key, 'progress', percent, 'message', message)
    call('XADD', P .. 'progress', '*', 'e', id .. ' ' .. attempt .. ' ' .. percent .. ' ' .. message)
  end
  if lines ~= '' then
    for line in string.gmatch(lines, '([^\n]*)\n') do call('RPUSH', P .. 'job.log:' .. id, line) end
    call('LTRIM', P .. 'job.log:' .. id, -POLICY.log_lines, -1)
  end
  return call('EXISTS', P .. 'job.watched:' .. id) == 1 and 'watched' or 'ok'
end

local answers = {}
for i = reports_at, #ARGV, reports_width do
  answers[#answers + 1] = report(unpack(ARGV, i, i + reports_width - 1))
end
return answers
