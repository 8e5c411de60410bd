-- reap_jobs: what time does to jobs (docs/states.md T2, T9-T11, T13): run by every hub about once a second; needs no lock.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   batch     int     jobs of each kind at most
-- DERIVES nearly every key: see the table of keys
-- USES   now chores
-- RETURNS how many jobs were moved, ms until the next delayed job is due (-1: none)

note_seen(lease)
local done = do_chores(batch, jitter)
local next_due = call('ZRANGE', P .. 'delayed', 0, 0, 'WITHSCORES')[2]
return { done, next_due and math.max(0, tonumber(next_due) - now) or -1 }
