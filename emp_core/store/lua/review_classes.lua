-- review_classes: after the fleet changed, says anew of some classes whether any live worker can do them.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   after     str     the serial to go on from
-- ARGV   batch     int
-- DERIVES classes, class.verdicts:<class>, classes.unworkable, profiles.live
-- USES   standing
-- RETURNS the serial of the last class looked at, '' at the end

local found = call('ZRANGE', P .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
for i = 1, #found, 2 do review_standing(found[i]) end
return #found == 2 * batch and found[#found] or ''
