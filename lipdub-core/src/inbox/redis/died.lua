-- When the event ARGV[1] died last, if it did, whatever has become of it since.
local key = ARGV[1]

local done = redis.call('GET', name('done', key))
if done then return string.match(done, ':(%d+)$') or false end
return redis.call('HGET', name('event', key), 'died')
