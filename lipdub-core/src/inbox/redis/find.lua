-- What is known of the event ARGV[1].
local key = ARGV[1]

local done = redis.call('GET', name('done', key))
if done then
  local accepted, attempt = string.match(done, '^(%d+):%d+:(%d+):')
  return { 'done', attempt, now - accepted, false, false, false, false, false }
end
local fields = redis.call('HMGET', name('event', key),
  'state', 'attempt', 'accepted', 'why', 'type', 'job', 'body', 'source')
if not fields[1] then return false end
fields[3] = now - fields[3]
return fields
