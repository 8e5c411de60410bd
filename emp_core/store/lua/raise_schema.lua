-- raise_schema: takes over a queue that an earlier version wrote; until its jobs are listed for filters, `indexing` says so.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   before    str
-- ARGV   after     str
-- DERIVES schema, indexing
-- USES   now
-- RETURNS the layout's version now

if call('GET', P .. 'schema') == before then
  call('SET', P .. 'schema', after)
  call('SET', P .. 'indexing', now_text)
end
return call('GET', P .. 'schema')
