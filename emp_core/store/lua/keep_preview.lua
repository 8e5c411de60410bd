-- keep_preview: keeps the latest picture of a running attempt for a moment, for those who watch its job.
-- Guarantees: only the holder of an active claim writes; nothing else changes. A full Redis refuses it.
--
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   worker    str
-- ARGV   id        str
-- ARGV   attempt   str
-- ARGV   nonce     str
-- ARGV   preview   str     the media type, a line feed, the picture; of one that is too large: the type, a tab, its size, a line feed
-- DERIVES job:<id>, job.preview:<id>
-- USES   active
-- RETURNS ok | stale

local known = redis.pcall('HMGET', P .. 'job:' .. id, 'state', 'worker', 'claim')
local job = { state = known[1], worker = known[2], claim = known[3] or nil }
if not holds_claim(job, worker, attempt, nonce) or job.state ~= 'active' then return 'stale' end
call('SET', P .. 'job.preview:' .. id, preview, 'PX', POLICY.preview_ms)
return 'ok'
