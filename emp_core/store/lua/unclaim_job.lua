-- unclaim_job: a hub takes back an offer that an old worker did not take (docs/states.md T22): neither a start nor a release.
--
-- FLAGS  allow-oom
-- KEYS   schema    string  the layout's version; names the prefix
-- ARGV   worker    str
-- ARGV   id        str
-- ARGV   attempt   str
-- ARGV   nonce     str
-- DERIVES nearly every key: see the table of keys
-- USES   now job active pending
-- RETURNS ok | stale

local job = read_job(id)
if not job or job.state ~= 'active' or not holds_claim(job, worker, attempt, nonce) then return 'stale' end
leave_active(id, job)
take_back_start(job)
if job.began == job.claimed then
  job.began = nil
  watch_expiry(id, ttl_at_of(job), job.deadline)
end
close_claim(id, job)
to_pending(id, job, 'unclaimed')
return 'ok'
