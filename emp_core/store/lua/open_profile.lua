-- open_profile: makes room for the verdicts of a profile that no worker has registered: what is left of one while
-- some of its services are down.
--
-- FLAGS  allow-oom
-- ARGV   profile      str
-- ARGV   capabilities str     canonical
-- ARGV   rank         str
-- DERIVES profiles, profiles.free, profiles.closing, profiles.used, profile:<id>, fleet
-- RETURNS number

return function(this, profile, capabilities, rank)
  return tonumber(profiles.open_profile(this, profile, capabilities, rank))
end
