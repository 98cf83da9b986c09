-- The job of the event ARGV[1] that is being accepted: that of whoever came first, or ARGV[2], for ARGV[3] ms.
local adopted = name('adopted', ARGV[1])
local job = redis.call('GET', adopted)
if job then return job end
redis.call('SET', adopted, ARGV[2], 'PX', ARGV[3])
return ARGV[2]
