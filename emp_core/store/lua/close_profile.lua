-- close_profile: a profile without workers for long gives its number back, once its bits are cleared in all classes.
-- The profile's name is removed first: a worker that comes back gets another number, and no process records verdicts
-- for this one any more.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   before    int     profiles last used before this many ms ago
-- ARGV   batch     int     classes to clear at most
-- DERIVES profiles, profiles.closing, profiles.used, profiles.free, profile:<id>, cursor:<number>, class.verdicts:<class>, classes
-- USES   now
-- RETURNS how many profiles are still closing

for _, profile in ipairs(call('ZRANGE', P .. 'profiles.used', '-inf', now - before, 'BYSCORE', 'LIMIT', 0, 10)) do
  local number = call('HGET', P .. 'profiles', profile)
  local busy = number and (call('ZSCORE', P .. 'profiles.workers', number) or call('EXISTS', P .. 'idle.workers:' .. number) == 1)
  if busy then
    call('ZADD', P .. 'profiles.used', now, profile)
  else
    call('ZREM', P .. 'profiles.used', profile)
    call('HDEL', P .. 'profiles', profile)
    call('UNLINK', P .. 'profile:' .. profile)
    if number then
      call('HSET', P .. 'profiles.closing', number, 0)
      call('INCR', P .. 'fleet')
    end
  end
end

local number = call('HRANDFIELD', P .. 'profiles.closing')
if number then
  local after = call('HGET', P .. 'profiles.closing', number)
  local found = call('ZRANGE', P .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
  for i = 1, #found, 2 do
    local key = P .. 'class.verdicts:' .. found[i]
    if call('EXISTS', key) == 1 then call('BITFIELD', key, 'SET', 'u2', '#' .. number, 0) end
  end
  if #found == 2 * batch then
    call('HSET', P .. 'profiles.closing', number, found[#found])
  else
    call('HDEL', P .. 'profiles.closing', number)
    call('DEL', P .. 'cursor:' .. number)
    call('SADD', P .. 'profiles.free', number)
  end
end
return call('HLEN', P .. 'profiles.closing')
