-- standing: a class that has waiting jobs and no live worker's profile that fits is unworkable.
--
-- USES wake

local live

local function review_standing(class)
  live = live or call('GET', P .. 'profiles.live')
  local verdicts = call('GET', P .. 'class.verdicts:' .. class)
  if verdicts and live and any_common(verdicts, live) then
    call('SREM', P .. 'classes.unworkable', class)
    return false
  end
  call('SADD', P .. 'classes.unworkable', class)
  return true
end
