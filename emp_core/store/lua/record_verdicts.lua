-- record_verdicts: keeps what the predicate said of classes and profiles, and wakes workers for classes that became known.
-- A verdict is a pure function of the two ids, so a late one is as right as an early one; a profile is named with its number,
-- and refused if the number is another's by now.
--
-- FLAGS  allow-oom
-- ARGV   profile   str     the profile that was judged against a page of classes, or ''
-- ARGV   judged    str     the serial of the last of them
-- RECORD class profile number fits
-- DERIVES class.verdicts:<class>, profile:<id>, cursor:<number>, classes.unworkable, heads, the idle sets, wake:<waiter>
-- RETURNS how many were recorded

return function(this, profile, judged, records)
  -- The cursor says that nothing above it fits; it must not be above a head that now does.
  local function lift_cursor(class, number)
    local head = call('ZSCORE', this.prefix .. 'heads', class)
    local stored = head and call('HGET', this.prefix .. 'cursor:' .. number, 's')
    if stored and picking.above(head, stored) then call('HSET', this.prefix .. 'cursor:' .. number, 's', head) end
  end

  local recorded, touched, fitting, numbers = 0, {}, {}, {}
  for _, verdict in ipairs(records) do
    local class, of, number, fits = verdict.class, verdict.profile, verdict.number, verdict.fits == '1'
    local known = call('EXISTS', this.prefix .. 'class:' .. class) == 1 or call('ZSCORE', this.prefix .. 'heads', class)
    numbers[of] = numbers[of] or call('HGET', this.prefix .. 'profiles', of)
    if known and numbers[of] == number then
      call('BITFIELD', this.prefix .. 'class.verdicts:' .. class, 'SET', 'u2', '#' .. number, fits and 3 or 2)
      if fits then lift_cursor(class, number) end
      touched[class] = true
      fitting[class] = fitting[class] or fits or nil
      recorded = recorded + 1
    elseif not known then
      -- Its record is lost, and it has no jobs: no search needs to come past it.
      call('ZREM', this.prefix .. 'improved', class)
    end
  end
  for class in pairs(touched) do workability.review(this, class) end
  for class in pairs(fitting) do waking.wake_listed(this, class, math.huge) end
  if next(fitting) then waking.wake_avoided(this, fitting, math.huge) end
  if profile ~= '' and call('HEXISTS', this.prefix .. 'profiles', profile) == 1 then
    call('HSET', this.prefix .. 'profile:' .. profile, 'judged', judged)
  end
  return recorded
end
