-- record_verdicts: keeps what the predicate said of classes and profiles, and wakes workers for classes that became known.
-- A verdict is a pure function of the two ids, so a late one is as right as an early one; a profile is named with its number,
-- and refused where the number is another's by now.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   profile   str     the profile that was judged against a page of classes, or ''
-- ARGV   judged    str     the serial of the last of them
-- REST   verdicts  class profile number fits
-- DERIVES class.verdicts:<class>, profile:<id>, cursor:<number>, classes.unworkable, heads, the idle sets, wake:<waiter>
-- USES   now pick standing wake
-- RETURNS how many were recorded

-- The cursor says that nothing above it fits; it must not be above a head that now does.
local function lift_cursor(class, number)
  local head = call('ZSCORE', P .. 'heads', class)
  local stored = head and call('HGET', P .. 'cursor:' .. number, 's')
  if stored and above(head, stored) then call('HSET', P .. 'cursor:' .. number, 's', head) end
end

local recorded, touched, fitting, numbers = 0, {}, {}, {}
for i = verdicts_at, #ARGV, verdicts_width do
  local class, of, number, fits = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3] == '1'
  local known = call('EXISTS', P .. 'class:' .. class) == 1 or call('ZSCORE', P .. 'heads', class)
  numbers[of] = numbers[of] or call('HGET', P .. 'profiles', of)
  if known and numbers[of] == number then
    call('BITFIELD', P .. 'class.verdicts:' .. class, 'SET', 'u2', '#' .. number, fits and 3 or 2)
    if fits then lift_cursor(class, number) end
    touched[class] = true
    fitting[class] = fitting[class] or fits or nil
    recorded = recorded + 1
  elseif not known then
    -- Its record is lost, and it has no jobs: no search needs to come past it.
    call('ZREM', P .. 'improved', class)
  end
end
for class in pairs(touched) do review_standing(class) end
for class in pairs(fitting) do wake_listed(class, math.huge) end
if next(fitting) then wake_avoided(fitting, math.huge) end
if profile ~= '' and call('HEXISTS', P .. 'profiles', profile) == 1 then
  call('HSET', P .. 'profile:' .. profile, 'judged', judged)
end
return recorded
