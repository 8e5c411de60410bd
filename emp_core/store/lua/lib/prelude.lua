-- prelude: what every module of the library uses.
--
-- While Redis loads a library it shows it none of Lua's or its own functions: the first call brings them.

local register_function = redis.register_function

local function reach()
  return redis, redis.call, string, table, math, cjson, struct, bit, tonumber, tostring, ipairs, pairs, next, type, unpack, pcall, error
end

local redis, call, string, table, math, cjson, struct, bit, tonumber, tostring, ipairs, pairs, next, type, unpack, pcall, error

-- Whether the server is a node of a Cluster; the first call finds it out.
local clustered

-- A whole number as text: what Redis makes of a number by itself costs it as much as a command does, and so does the
-- format; most counters go up or down by one.
local function int(number)
  return number == 1 and '1' or number == -1 and '-1' or string.format('%d', number)
end
