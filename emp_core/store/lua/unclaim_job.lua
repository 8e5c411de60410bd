-- unclaim_job: a hub takes back an offer that an old worker did not take (docs/states.md T22): neither a start nor a release.
--
-- FLAGS  allow-oom
-- ARGV   worker    str
-- ARGV   id        str
-- ARGV   attempt   str
-- ARGV   nonce     str
-- DERIVES nearly every key: see the table of keys
-- RETURNS ok | stale

return function(this, worker, id, attempt, nonce)
  local job = jobs.read(this, id)
  if not job or job.state ~= 'active' or not active.holds_claim(job, worker, attempt, nonce) then return 'stale' end
  active.leave(this, id, job)
  active.take_back_start(this, job)
  if job.began == job.claimed then
    job.began = nil
    pending.watch_expiry(this, id, jobs.ttl_at_of(job), job.deadline)
  end
  active.close_claim(this, id, job)
  pending.to_pending(this, id, job, 'unclaimed')
  return 'ok'
end
