-- open_profile: makes room for the verdicts of a profile that no worker has registered: what is left of one while
-- some of its services are down.
--
-- FLAGS  allow-oom
-- KEYS   schema       string  the layout's version; names the prefix
-- ARGV   profile      str
-- ARGV   capabilities str     canonical
-- ARGV   rank         str
-- DERIVES profiles, profiles.free, profiles.closing, profiles.used, profile:<id>, fleet
-- USES   now profiles
-- RETURNS number

return tonumber(open_profile(profile, capabilities, rank))
