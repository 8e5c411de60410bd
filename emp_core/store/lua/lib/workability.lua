-- workability: a class that has waiting jobs and no live worker's profile that fits is unworkable.

local function review(this, class)
  this.live_profiles = this.live_profiles or call('GET', this.prefix .. 'profiles.live')
  local verdicts = call('GET', this.prefix .. 'class.verdicts:' .. class)
  if verdicts and this.live_profiles and waking.any_common(verdicts, this.live_profiles) then
    call('SREM', this.prefix .. 'classes.unworkable', class)
    return false
  end
  call('SADD', this.prefix .. 'classes.unworkable', class)
  return true
end

return {
  review = review,
}
