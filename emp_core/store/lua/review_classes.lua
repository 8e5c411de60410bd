-- review_classes: after the fleet changed, says anew of some classes whether any live worker can do them.
--
-- FLAGS  allow-oom
-- ARGV   after     str     the serial to go on from
-- ARGV   batch     int
-- DERIVES classes, class.verdicts:<class>, classes.unworkable, profiles.live
-- RETURNS the serial of the last class looked at, '' at the end

return function(this, after, batch)
  local found = call('ZRANGE', this.prefix .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
  for i = 1, #found, 2 do workability.review(this, found[i]) end
  return #found == 2 * batch and found[#found] or ''
end
