-- When the event ARGV[1] died last, if it did, whatever has become of it since.
local key = ARGV[1]

local done = redis.call('GET', name('done', key))
if done then return string.match(done, ':(%d+)$') or false end
local event = find(key)
return event and event.died
