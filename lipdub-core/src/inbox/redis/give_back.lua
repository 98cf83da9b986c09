-- Queues the event ARGV[1], which the token ARGV[2] holds, as if it had not been leased.
local key, token = ARGV[1], ARGV[2]

local event = find(key)
local refusal = answer(event, key, token, 'give_back')
if refusal then return refusal end
withdraw(event)
redis.call('HSET', name('event', key), 'state', 'queued', 'said', 'give_back', 'tries', math.max(event.tries - 1, 0))
queue(event, now)
return 'applied'
