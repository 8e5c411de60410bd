-- resolve_children: goes on with the children of an ended parent that its end left open (docs/states.md T18).
--
-- FLAGS  allow-oom
-- ARGV   batch     int     children at most
-- DERIVES nearly every key: see the table of keys
-- RETURNS how many parents still have open children

return function(this, batch)
  this.children_left = batch
  for _, parent in ipairs(call('HRANDFIELD', this.prefix .. 'resolving', 10)) do
    local key, ended = this.prefix .. 'job.children.left:' .. parent, {}
    finishing.tell_children(this, key, call('HGET', this.prefix .. 'resolving', parent), ended)
    finishing.resolve_children(this, ended)
    if call('EXISTS', key) == 0 then call('HDEL', this.prefix .. 'resolving', parent) end
    if this.children_left <= 0 then break end
  end
  return call('HLEN', this.prefix .. 'resolving')
end
