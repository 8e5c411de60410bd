-- name_queue: gives the queue an id, once; its files lie under it. Works on a full Redis too.
--
-- FLAGS  allow-oom
-- ARGV   id        str     the id for a queue that has none
-- DERIVES queue
-- RETURNS the queue's id

return function(this, id)
  call('SET', this.prefix .. 'queue', id, 'NX')
  return call('GET', this.prefix .. 'queue')
end
