-- resolve_children: goes on with the children of an ended parent that its end left open (docs/states.md T18).
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   batch     int     children at most
-- DERIVES nearly every key: see the table of keys
-- USES   now finish
-- RETURNS how many parents still have open children

children_left = batch
for _, parent in ipairs(call('HRANDFIELD', P .. 'resolving', 10)) do
  local key, ended = P .. 'job.children.left:' .. parent, {}
  tell_children(key, call('HGET', P .. 'resolving', parent), ended)
  resolve_children(ended)
  if call('EXISTS', key) == 0 then call('HDEL', P .. 'resolving', parent) end
  if children_left <= 0 then break end
end
return call('HLEN', P .. 'resolving')
