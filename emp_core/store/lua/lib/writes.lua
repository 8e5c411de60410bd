-- writes: what a call writes once for all its jobs: counters, and members of lists that it does not read meanwhile.

-- Does what `act` does, and at its end writes in one go what it wrote so, also if it broke off.
local function together(this, act)
  local words, added, kept = { ZREM = {}, HDEL = {}, ZADD = {}, HSET = {} }, {}, {}
  this.counts, this.words, this.added, this.kept = {}, words, added, kept
  local done, answer = pcall(act)
  local counts, failed = this.counts, nil
  this.counts, this.words, this.added, this.kept = nil, nil, nil, nil
  -- One damaged key must not keep the others from being written.
  local function try(...)
    local said = redis.pcall(...)
    if type(said) == 'table' and said.err then failed = failed or said end
  end
  for command, keys in pairs(words) do
    for key, list in pairs(keys) do try(command, key, unpack(list)) end
  end
  local pairs_kept = {}
  for key, value in pairs(kept) do
    pairs_kept[#pairs_kept + 1] = key
    pairs_kept[#pairs_kept + 1] = value
  end
  if pairs_kept[1] then try('MSET', unpack(pairs_kept)) end
  for key, fields in pairs(added) do
    for field, by in pairs(fields) do
      if by ~= 0 then try('HINCRBY', key, field, int(by)) end
    end
  end
  for name, by in pairs(counts) do
    if by ~= 0 then counters.count_one(this, name, by) end
  end
  if not done then error(answer, 0) end
  if failed then error(failed, 0) end
  return answer
end

-- ZADD (score, member), ZREM (member), HSET (field, value) or HDEL (field). No job is written so twice in one call.
local function later(this, command, key, first, second)
  if not this.words then
    if second then call(command, key, first, second) else call(command, key, first) end
    return
  end
  local keys = this.words[command]
  local list = keys[key]
  if not list then
    list = {}
    keys[key] = list
  end
  list[#list + 1] = first
  list[#list + 1] = second
end

-- Adds to a number that nobody reads meanwhile.
local function add(this, key, field, by)
  if not this.added then return call('HINCRBY', key, field, int(by)) end
  local fields = this.added[key]
  if not fields then
    fields = {}
    this.added[key] = fields
  end
  fields[field] = (fields[field] or 0) + by
end

-- The value of a key that this call alone reads meanwhile.
local function keep(this, key, value)
  if this.kept then this.kept[key] = value else call('SET', key, value) end
end

return {
  keep = keep,
  together = together,
  later = later,
  add = add,
}
