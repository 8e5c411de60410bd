-- shortlists: the classes of one customer that fit a profile, for a worker that may not take on another customer.
--
-- A shortlist is made by reading the customer's classes, and lives for a minute after its last use. Its scores are bounds: a
-- head that fell is found lower when it comes first; those that rose after change number `v` are read anew. Looks at no more
-- than `pick_budget` classes in one call.

-- Adds those of some classes that fit; returns those that are not judged.
local function add(this, list, classes)
  local key = this.prefix .. 'shortlist:' .. list.name
  local fitting, unjudged = {}, {}
  if not classes[1] then return unjudged end
  this.looked = this.looked + #classes
  local tops = call('ZMSCORE', this.prefix .. 'heads', unpack(classes))
  local verdicts = verdict_bits.read_many(this, classes, list.number, 1)
  for i, class in ipairs(classes) do
    if tops[i] and verdicts[i] < 2 then unjudged[#unjudged + 1] = class end
    if tops[i] and verdicts[i] == 3 then
      fitting[#fitting + 1] = tops[i]
      fitting[#fitting + 1] = class
    end
  end
  if fitting[1] then call('ZADD', key, unpack(fitting)) end
  return unjudged
end

-- Reads the next ones of the customer's classes, from where the last call ended. Returns whether these were the last.
local function read_on(this, list)
  local found = call('SSCAN', list.of, list.scan, 'COUNT', policy.pick_budget)
  list.unjudged = add(this, list, found[2])
  if not list.unjudged[1] then list.scan = found[1] ~= '0' and found[1] or '' end
  return list.scan == ''
end

-- Reads the customer's classes whose heads rose since. Returns whether that were all.
local function catch_up(this, list)
  local rose = call('ZRANGE', this.prefix .. 'improved', '(' .. list.v, '+inf', 'BYSCORE', 'LIMIT', 0, policy.pick_budget)
  if not rose[1] then return true end
  this.looked = this.looked + #rose
  local own = {}
  for i, is_own in ipairs(call('SMISMEMBER', list.of, unpack(rose))) do
    if is_own == 1 then own[#own + 1] = rose[i] end
  end
  list.unjudged = add(this, list, own)
  if not list.unjudged[1] then list.v = call('ZSCORE', this.prefix .. 'improved', rose[#rose]) end
  return not list.unjudged[1] and #rose < policy.pick_budget
end

-- Returns the first whose bound is its head; whether the search came to its end.
local function first(this, list)
  local key = this.prefix .. 'shortlist:' .. list.name
  while this.looked < policy.pick_budget do
    local top = call('ZRANGE', key, '0', '0', 'REV', 'WITHSCORES')
    if not top[1] then return nil, true end
    local head = call('ZSCORE', this.prefix .. 'heads', top[1])
    if head == top[2] then return top[1], true, head end
    this.looked = this.looked + 1
    if head then call('ZADD', key, head, top[1]) else call('ZREM', key, top[1]) end
  end
  return nil, false
end

local function open(this, profile, number, customer)
  local name, of = profile .. '/' .. customer, this.prefix .. 'customer.classes:' .. customer
  local v, scan = unpack(call('HMGET', this.prefix .. 'shortlist.read:' .. name, 'v', 'scan'))
  local behind = v and call('ZCOUNT', this.prefix .. 'improved', '(' .. v, '+inf')
  -- To read the customer's classes anew takes less.
  if not behind or behind > policy.pick_near and behind > call('SCARD', of) then
    call('DEL', this.prefix .. 'shortlist:' .. name)
    v, scan = call('GET', this.prefix .. 'changes') or '0', '0'
  end
  return { name = name, of = of, number = number, v = v, scan = scan, unjudged = {} }
end

local function save(this, list)
  local state = this.prefix .. 'shortlist.read:' .. list.name
  call('HSET', state, 'v', list.v, 'scan', list.scan)
  -- The list must not go before what says that it is there.
  call('PEXPIRE', state, policy.shortlist_ms)
  call('PEXPIRE', this.prefix .. 'shortlist:' .. list.name, 2 * policy.shortlist_ms)
end

-- The best class of a customer, or nil; the classes to judge first; whether the search came to its end; its head.
local function pick(this, profile, number, customer)
  local list, class, head = open(this, profile, number, customer), nil, nil
  local done = (list.scan == '' or read_on(this, list)) and catch_up(this, list)
  if done then class, done, head = first(this, list) end
  save(this, list)
  return class, list.unjudged, done or #list.unjudged > 0, head
end

-- The best among those of some customers.
local function pick_among(this, profile, number, customers)
  local best, best_head
  for customer in string.gmatch(customers, '%S+') do
    local class, unjudged, done, head = pick(this, profile, number, customer)
    if unjudged[1] or not done then return nil, unjudged, done end
    if class and (not best or tonumber(head) > tonumber(best_head)) then best, best_head = class, head end
  end
  return best, {}, true
end

return {
  pick_among = pick_among,
}
