-- raise_schema: takes over a queue that an earlier version wrote; until its jobs are listed for filters, `indexing` says so.
--
-- FLAGS  allow-oom
-- ARGV   before    str
-- ARGV   after     str
-- DERIVES schema, indexing
-- RETURNS the layout's version now

return function(this, before, after)
  if call('GET', this.prefix .. 'schema') == before then
    call('SET', this.prefix .. 'schema', after)
    call('SET', this.prefix .. 'indexing', this.now_text)
  end
  return call('GET', this.prefix .. 'schema')
end
