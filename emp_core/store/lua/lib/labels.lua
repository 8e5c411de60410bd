-- labels: the index of jobs by their labels, each of which is a line `name=value`.
--
-- USES now
-- RARE list_labels unlist_labels

local function list_labels(id, labels)
  for label in string.gmatch(labels, '[^\n]+') do call('ZADD', P .. 'label.jobs:' .. label, now_text, id) end
end

local function unlist_labels(id, labels)
  for label in string.gmatch(labels, '[^\n]+') do call('ZREM', P .. 'label.jobs:' .. label, id) end
end
