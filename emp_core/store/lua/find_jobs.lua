-- find_jobs: reads on in sorted lists of jobs, the highest score first; of those at one score the last id first.
-- Guarantees: looks at no more than `budget` jobs; a list that it cannot read counts as empty.
--
-- FLAGS  no-writes
-- ARGV   states    str     ` active pending `, or '' for all
-- ARGV   lowest    str     a score; jobs below it are not looked at
-- ARGV   wanted    int     how many to find in each list
-- ARGV   budget    int
-- RECORD name score id
-- DERIVES jobs:pending:<class>, avoided, class.jobs:<class>, worker.jobs:<worker>, workflow.jobs:<workflow>, label.jobs:<label>, job:<id>
-- RETURNS for each list: score and id of the last job that was looked at, or `end` and ''; and a list of score and id of
--         each job that was found, all below the one that the record names

return function(this, states, lowest, wanted, budget, records)
  local function is_wanted(id)
    if states == '' then return true end
    local state = redis.pcall('HGET', this.prefix .. 'job:' .. id, 'state')
    return type(state) == 'string' and string.find(states, ' ' .. state .. ' ', 1, true) ~= nil
  end

  -- How much one command reads: only a list without other jobs is read no further than it is shown.
  local step = states == '' and wanted or 100

  local function look(name, score, id)
    local found, skip, last = {}, 0, tonumber(score)
    while budget > 0 do
      local from, before = score or '+inf', last
      local some = redis.pcall('ZRANGE', this.prefix .. name, from, lowest, 'BYSCORE', 'REV', 'LIMIT', skip, step, 'WITHSCORES')
      for i = 1, some.err and 0 or #some, 2 do
        -- At one score the ids go down: those that are not below the last one were looked at before.
        local at = tonumber(some[i + 1])
        if at ~= last or some[i] < id then
          budget, id, score, last = budget - 1, some[i], some[i + 1], at
          if is_wanted(id) then
            found[#found + 1], found[#found + 2] = score, id
          end
          if #found == 2 * wanted or budget == 0 then return { score, id, found } end
        end
      end
      if some.err or #some < 2 * step then return { 'end', '', found } end
      skip = before == last and skip + step or 0
    end
    return { score or '', id or '', found }
  end

  local answers = {}
  for n, list in ipairs(records) do
    answers[n] = look(list.name, list.score, list.id or '')
  end
  return answers
end
