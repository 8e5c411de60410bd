-- news: what workers say of running jobs, in a stream of its own, for those who look on.

-- `what`: how far the job is in percent, or `log` or `preview` if only one of these is new.
local function tell(this, id, attempt, what, customer, message)
  call('XADD', this.prefix .. 'progress', '*', 'r', id .. ' ' .. attempt .. ' ' .. what .. ' ' .. (customer or '') .. ' ' .. message)
end

return {
  tell = tell,
}
