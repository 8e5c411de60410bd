-- reap_jobs: what time does to jobs (docs/states.md T2, T9-T11, T13): run by every hub about once a second; needs no lock.
--
-- FLAGS  allow-oom
-- ARGV   lease     int     ms
-- ARGV   jitter    float   0.5 to 1.5
-- ARGV   batch     int     jobs of each kind at most
-- DERIVES nearly every key: see the table of keys
-- RETURNS how many jobs were moved, ms until the next delayed job is due (-1: none)

return function(this, lease, jitter, batch)
  chores.note_seen(this, lease)
  local done = chores.do_chores(this, batch, jitter)
  local next_due = call('ZRANGE', this.prefix .. 'delayed', 0, 0, 'WITHSCORES')[2]
  return { done, next_due and math.max(0, tonumber(next_due) - this.now) or -1 }
end
