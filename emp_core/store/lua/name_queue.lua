-- name_queue: gives the queue an id, once; its files lie under it. Works on a full Redis too.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   id        str     the id for a queue that has none
-- DERIVES queue
-- RETURNS the queue's id

call('SET', P .. 'queue', id, 'NX')
return call('GET', P .. 'queue')
