-- verdict: two bits for each (class, profile slot): judged, fits. Four slots a byte, the first in the high bits.
--
-- USES now

-- 0 not judged, 2 judged and does not fit, 3 fits.
local function verdict_in(byte, slot)
  return math.floor((byte or 0) / 4 ^ (3 - slot % 4)) % 4
end

local byte_of_slot = {}

local function verdict_of(class, slot)
  local at = byte_of_slot[slot] or int(math.floor(slot / 4))
  byte_of_slot[slot] = at
  return verdict_in(string.byte(call('GETRANGE', P .. 'class.verdicts:' .. class, at, at)), slot)
end

-- Of every class, or every `step`th entry, of a list.
local function verdicts_of(classes, slot, step)
  local keys, at, verdicts = {}, math.floor(slot / 4) + 1, {}
  for i = 1, #classes, step do keys[#keys + 1] = P .. 'class.verdicts:' .. classes[i] end
  for i, bits in ipairs(#keys > 0 and call('MGET', unpack(keys)) or {}) do
    verdicts[i] = verdict_in(bits and string.byte(bits, at), slot)
  end
  return verdicts
end
