-- raise_schema: takes over a queue that an earlier version wrote.
--
-- Layout 2: its jobs are not listed for filters; until they are, `indexing` says so. Layouts 2 and 3: what limits park has no
-- order; it comes back, and the next claims park it again.
--
-- FLAGS  allow-oom
-- ARGV   before    str
-- ARGV   after     str
-- DERIVES schema, indexing, parked, parked:<whose>, heads, improved, changes
-- RETURNS the layout's version now

return function(this, before, after)
  if call('GET', this.prefix .. 'schema') == before then
    if before == '2' then call('SET', this.prefix .. 'indexing', this.now_text) end
    limits.forget_parked(this)
    call('SET', this.prefix .. 'schema', after)
  end
  return call('GET', this.prefix .. 'schema')
end
