-- How many partitions the inbox has: ARGV[1], or more if there were more.
local before, count = tonumber(redis.call('GET', name('partitions')) or 0), tonumber(ARGV[1])
if before > count then return before end
if before < count then redis.call('SET', name('partitions'), count) end
return count
