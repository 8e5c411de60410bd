-- verdict_bits: two bits for each (class, profile number): judged, fits. Four numbers a byte, the first in the high bits.

-- 0 not judged, 2 judged and does not fit, 3 fits.
local function read(this, class, number)
  local at = int(math.floor(number / 4))
  local byte = string.byte(call('GETRANGE', this.prefix .. 'class.verdicts:' .. class, at, at)) or 0
  return math.floor(byte / 4 ^ (3 - number % 4)) % 4
end

-- Of every class, or every `step`th entry, of a list.
local function read_many(this, classes, number, step)
  local keys, verdicts, prefix = {}, {}, this.prefix .. 'class.verdicts:'
  local at, unit = math.floor(number / 4) + 1, 4 ^ (3 - number % 4)
  for i = 1, #classes, step do keys[(i - 1) / step + 1] = prefix .. classes[i] end
  for i, bits in ipairs(keys[1] and call('MGET', unpack(keys)) or {}) do
    verdicts[i] = math.floor((bits and string.byte(bits, at) or 0) / unit) % 4
  end
  return verdicts
end

return {
  read = read,
  read_many = read_many,
}
