-- close_profile: a profile without workers for long gives its slot back, once its bits are cleared in all classes.
-- The name goes first, so that a worker that comes back gets another slot and nobody judges for this one.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   before    int     profiles last used before this many ms ago
-- ARGV   batch     int     classes to clear at most
-- DERIVES profiles, profiles.closing, profiles.used, profiles.free, profile:<id>, cursor:<slot>, class.verdicts:<class>, classes
-- USES   now
-- RETURNS how many profiles are still closing

for _, profile in ipairs(call('ZRANGE', P .. 'profiles.used', '-inf', now - before, 'BYSCORE', 'LIMIT', 0, 10)) do
  local slot = call('HGET', P .. 'profiles', profile)
  local busy = slot and (call('ZSCORE', P .. 'profiles.workers', slot) or call('EXISTS', P .. 'idle.workers:' .. slot) == 1)
  if busy then
    call('ZADD', P .. 'profiles.used', now, profile)
  else
    call('ZREM', P .. 'profiles.used', profile)
    call('HDEL', P .. 'profiles', profile)
    call('UNLINK', P .. 'profile:' .. profile)
    if slot then
      call('HSET', P .. 'profiles.closing', slot, 0)
      call('INCR', P .. 'fleet')
    end
  end
end

local slot = call('HRANDFIELD', P .. 'profiles.closing')
if slot then
  local after = call('HGET', P .. 'profiles.closing', slot)
  local found = call('ZRANGE', P .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
  for i = 1, #found, 2 do
    local key = P .. 'class.verdicts:' .. found[i]
    if call('EXISTS', key) == 1 then call('BITFIELD', key, 'SET', 'u2', '#' .. slot, 0) end
  end
  if #found == 2 * batch then
    call('HSET', P .. 'profiles.closing', slot, found[#found])
  else
    call('HDEL', P .. 'profiles.closing', slot)
    call('DEL', P .. 'cursor:' .. slot)
    call('SADD', P .. 'profiles.free', slot)
  end
end
return call('HLEN', P .. 'profiles.closing')
