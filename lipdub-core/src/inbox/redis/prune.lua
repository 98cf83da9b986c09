-- Forgets events that have been done or dead for longer than ARGV[1] microseconds, a batch of each.
local before = now - ARGV[1]
local forgotten = 0

for _ = 1, BATCH do
  local key = redis.call('LINDEX', name('finished'), 0)
  if not key then break end
  local done = redis.call('GET', name('done', key))
  local finished = done and string.match(done, '^%d+:(%d+):')
  if finished and tonumber(finished) >= before then break end
  redis.call('LPOP', name('finished'))
  forgotten = forgotten + redis.call('DEL', name('done', key))
end

local grave = name('dead', ALL, ALL)
for _, key in ipairs(redis.call('ZRANGEBYSCORE', grave, '-inf', '(' .. text(before), 'LIMIT', 0, BATCH)) do
  local event = find(key)
  if event then
    exhume(event)
    redis.call('DEL', name('event', key))
    take_turns(event)
    forgotten = forgotten + 1
  else
    redis.call('ZREM', grave, key)
  end
end
return forgotten
