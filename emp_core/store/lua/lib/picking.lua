-- picking: the best class that a profile can do. Exact: a head that is not judged yet stops the search.
--
-- The first head is looked at directly. Behind it the profile's cursor leads: no class above the score `s` fits, as of
-- change number `v`; classes whose heads rose since then lift it again, and if those are many the first heads are looked
-- at before them. A cursor never passes a head that is not judged. Looks at no more than `pick_budget` heads in one call.

local function load_cursor(this, number)
  local stored = call('HMGET', this.prefix .. 'cursor:' .. number, 's', 'v')
  local s, v = stored[1] or '+inf', tonumber(stored[2]) or tonumber(call('GET', this.prefix .. 'changes')) or 0
  return { s = s, v = v, stored_s = s, stored_v = v }
end

local function save_cursor(this, number, cursor)
  if cursor.s == cursor.stored_s and cursor.v == cursor.stored_v then return end
  call('HSET', this.prefix .. 'cursor:' .. number, 's', cursor.s, 'v', cursor.v)
end

-- Scores travel as strings; '+inf' is above and '-inf' below every number.
local function above(one, other)
  return one ~= other and other ~= '+inf' and one ~= '-inf'
    and (one == '+inf' or other == '-inf' or tonumber(one) > tonumber(other))
end

local function look_from_top(this, number, from, to)
  local unjudged, classes = {}, call('ZRANGE', this.prefix .. 'heads', from, to - 1, 'REV')
  local verdicts = verdict_bits.read_many(this, classes, number, 1)
  for i, class in ipairs(classes) do
    if verdicts[i] == 3 and #unjudged == 0 then return class, unjudged, true end
    if verdicts[i] < 2 then unjudged[#unjudged + 1] = class end
  end
  return nil, unjudged, #unjudged > 0 or #classes < to - from
end

-- Lifts the cursor to the heads that rose since. False if one of them is not judged, or the budget is spent.
local function catch_up(this, number, cursor, unjudged)
  local rose = call('ZRANGE', this.prefix .. 'improved', '(' .. cursor.v, '+inf', 'BYSCORE', 'LIMIT', 0, policy.pick_budget)
  local verdicts, last = verdict_bits.read_many(this, rose, number, 1), nil
  this.looked = this.looked + #rose
  for i, class in ipairs(rose) do
    if verdicts[i] < 2 then
      unjudged[1] = class
      break
    end
    local head = verdicts[i] == 3 and call('ZSCORE', this.prefix .. 'heads', class)
    if head and above(head, cursor.s) then cursor.s = head end
    last = class
  end
  if last then cursor.v = tonumber(call('ZSCORE', this.prefix .. 'improved', last)) end
  return #unjudged == 0 and #rose < policy.pick_budget
end

-- Heads may share a score, so it goes by rank, and ends a call only below the score that it began with.
local function walk_down(this, number, cursor, unjudged)
  local began, from = cursor.s, call('ZCOUNT', this.prefix .. 'heads', '(' .. cursor.s, '+inf')
  local looked, step = 0, 2
  while looked < policy.pick_budget or cursor.s == began do
    local some = call('ZRANGE', this.prefix .. 'heads', from + looked, from + looked + step - 1, 'REV', 'WITHSCORES')
    local verdicts = verdict_bits.read_many(this, some, number, 2)
    for i = 1, #some, 2 do
      local verdict = verdicts[(i + 1) / 2]
      cursor.s = some[i + 1]
      if verdict == 3 then return some[i], true end
      if verdict < 2 then
        for j = i, #some, 2 do
          if verdicts[(j + 1) / 2] < 2 then unjudged[#unjudged + 1] = some[j] end
        end
        return nil, true
      end
    end
    if #some < 2 * step then
      cursor.s = '-inf'
      return nil, true
    end
    looked, step = looked + step, math.min(step * 4, 512)
    this.looked = this.looked + step
  end
  return nil, false
end

local function search(this, number)
  local cursor, unjudged, class, done = load_cursor(this, number), {}, nil, false
  local behind = call('ZCOUNT', this.prefix .. 'improved', '(' .. cursor.v, '+inf')
  if behind > policy.pick_near then
    class, unjudged, done = look_from_top(this, number, 0, policy.pick_first)
    if not done then class, unjudged, done = look_from_top(this, number, policy.pick_first, policy.pick_near) end
    if done then return class, unjudged, true end
  end
  if behind > policy.pick_near and behind > call('ZCOUNT', this.prefix .. 'heads', '(' .. cursor.s, '+inf') then
    cursor = { s = '+inf', v = tonumber(call('GET', this.prefix .. 'changes')) or 0 }
  elseif behind > 0 and not catch_up(this, number, cursor, unjudged) then
    save_cursor(this, number, cursor)
    return nil, unjudged, #unjudged > 0
  end
  class, done = walk_down(this, number, cursor, unjudged)
  save_cursor(this, number, cursor)
  return class, unjudged, done
end

-- Returns the class or nil, the classes to judge first, and whether the search came to its end.
local function pick(this, number)
  local first = call('ZRANGE', this.prefix .. 'heads', '0', '0', 'REV')[1]
  if first and verdict_bits.read(this, first, number) == 3 then return first, {}, true end
  return search(this, number)
end

return {
  above = above,
  pick = pick,
}
