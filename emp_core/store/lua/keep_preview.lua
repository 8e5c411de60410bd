-- keep_preview: keeps the latest picture of a running attempt for a moment, for those who watch its job.
-- Guarantees: only the holder of an active claim writes; nothing else changes. A full Redis refuses it.
--
-- ARGV   worker    str
-- ARGV   id        str
-- ARGV   attempt   str
-- ARGV   nonce     str
-- ARGV   preview   str     the media type, a line feed, the picture; of one that is too large: the type, a tab, its size, a line feed
-- DERIVES job:<id>, job.preview:<id>, progress
-- RETURNS ok | stale

return function(this, worker, id, attempt, nonce, preview)
  local known = redis.pcall('HMGET', this.prefix .. 'job:' .. id, 'state', 'worker', 'claim', 'customer')
  local job = { state = known[1], worker = known[2], claim = known[3] or nil }
  if not active.holds_claim(job, worker, attempt, nonce) or job.state ~= 'active' then return 'stale' end
  call('SET', this.prefix .. 'job.preview:' .. id, preview, 'PX', policy.preview_ms)
  news.tell(this, id, attempt, 'preview', known[4], '')
  return 'ok'
end
