-- What is known of the event ARGV[1].
local key = ARGV[1]

local done = redis.pcall('GET', name('done', key))
if type(done) == 'string' then
  local accepted, attempt = string.match(done, '^(%d+):%d+:(%d+):')
  return { 'done', attempt or 0, now - (accepted or now), false, false, false, false, false }
end
local event = find(key)
if not event then return false end
local kept = redis.pcall('HMGET', name('event', key), 'why', 'body', 'source')
local is_readable = not event.is_broken
return {
  event.state, event.attempt, now - event.accepted, kept[1] or false,
  is_readable and event.type, is_readable and event.job, kept[2] or false, kept[3] or false,
}
