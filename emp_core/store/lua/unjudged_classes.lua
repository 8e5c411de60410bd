-- unjudged_classes: classes that a profile has not been judged against, a page at a time.
--
-- FLAGS  no-writes
-- ARGV   number    int
-- ARGV   after     str     the serial to go on from
-- ARGV   batch     int
-- DERIVES classes, class:<class>, class.verdicts:<class>
-- RETURNS the serial of the last class looked at (the one given at the end), then class and requirements in turn

return function(this, number, after, batch)
  local found = call('ZRANGE', this.prefix .. 'classes', '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, batch, 'WITHSCORES')
  local answer, verdicts = { found[#found] or after }, verdict_bits.read_many(this, found, number, 2)
  for i = 1, #found, 2 do
    if verdicts[(i + 1) / 2] < 2 then
      answer[#answer + 1] = found[i]
      answer[#answer + 1] = call('HGET', this.prefix .. 'class:' .. found[i], 'requirements')
    end
  end
  return answer
end
