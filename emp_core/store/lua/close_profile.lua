-- close_profile: a profile without workers for long gives its number back, once its bits are cleared in all classes.
-- The profile's name is removed first: a worker that comes back gets another number, and no process records verdicts
-- for this one any more.
--
-- FLAGS  allow-oom
-- ARGV   before    int     profiles last used before this many ms ago
-- ARGV   batch     int     classes to clear at most
-- DERIVES profiles, profiles.closing, profiles.used, profiles.free, profile:<id>, cursor:<number>, class.verdicts:<class>, classes
-- RETURNS how many profiles are still closing

return function(this, before, batch)
  for _, profile in ipairs(call('ZRANGE', this.prefix .. 'profiles.used', '-inf', this.now - before, 'BYSCORE', 'LIMIT', 0, 10)) do
    local number = call('HGET', this.prefix .. 'profiles', profile)
    local busy = number and (call('ZSCORE', this.prefix .. 'profiles.workers', number)
      or call('EXISTS', this.prefix .. 'idle.workers:' .. number) == 1)
    if busy then
      call('ZADD', this.prefix .. 'profiles.used', this.now, profile)
    else
      call('ZREM', this.prefix .. 'profiles.used', profile)
      call('HDEL', this.prefix .. 'profiles', profile)
      call('UNLINK', this.prefix .. 'profile:' .. profile)
      if number then
        call('HSET', this.prefix .. 'profiles.closing', number, 0)
        call('INCR', this.prefix .. 'fleet')
      end
    end
  end

  local number = call('HRANDFIELD', this.prefix .. 'profiles.closing')
  if number then
    local after = call('HGET', this.prefix .. 'profiles.closing', number)
    local found = call('ZRANGE', this.prefix .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
    for i = 1, #found, 2 do
      local key = this.prefix .. 'class.verdicts:' .. found[i]
      if call('EXISTS', key) == 1 then call('BITFIELD', key, 'SET', 'u2', '#' .. number, 0) end
    end
    if #found == 2 * batch then
      call('HSET', this.prefix .. 'profiles.closing', number, found[#found])
    else
      call('HDEL', this.prefix .. 'profiles.closing', number)
      call('DEL', this.prefix .. 'cursor:' .. number)
      call('SADD', this.prefix .. 'profiles.free', number)
    end
  end
  return call('HLEN', this.prefix .. 'profiles.closing')
end
