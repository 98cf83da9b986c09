-- Gives up on the event ARGV[1], which the token ARGV[2] holds, because of ARGV[3], and has perhaps lost ARGV[4].
local key, token, why = ARGV[1], ARGV[2], ARGV[3]

local event = find(key)
local refusal = answer(event, key, token, 'bury')
if refusal then return refusal end
withdraw(event)
redis.call('ZREM', name('open', event.job), key)
redis.call('HSET', name('event', key), 'state', 'dead', 'said', 'bury', 'why', why, 'died', text(now))
if ARGV[4] then redis.call('HSET', name('event', key), 'lost', ARGV[4]) end
entomb(event)
take_turns(event)
return 'applied'
