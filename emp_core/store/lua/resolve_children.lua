-- resolve_children: goes on with the children of an ended parent that its end left open (docs/states.md T18).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   batch     int     children at most
-- DERIVES nearly every key: see the table of keys
-- USES   now finish
-- RETURNS how many parents still have open children

for _, parent in ipairs(call('HRANDFIELD', P .. 'resolving', 10)) do
  local outcome = call('HGET', P .. 'resolving', parent)
  batch = resolve_children(parent, outcome, batch)
  if call('EXISTS', P .. 'job.children:' .. parent) == 0 then call('HDEL', P .. 'resolving', parent) end
  if batch <= 0 then break end
end
return call('HLEN', P .. 'resolving')
