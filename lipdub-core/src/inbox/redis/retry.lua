-- Queues the event ARGV[1], which the token ARGV[2] holds, for when ARGV[3] microseconds have passed, because of
-- ARGV[4].
local key, token, delay, why = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local event = find(key)
local refusal = answer(event, key, token, 'retry')
if refusal then return refusal end
withdraw(event)
redis.call('HSET', name('event', key), 'state', 'queued', 'said', 'retry', 'why', why)
queue(event, now + delay)
return 'applied'
