-- Marks the event ARGV[1] as handled by the token ARGV[2].
local key, token = ARGV[1], ARGV[2]

local event = find(key)
if not event then
  local done = redis.call('GET', name('done', key))
  if not done then return 'unknown' end
  return string.match(done, '^%d+:%d+:%d+:(%x+):') == token and 'applied' or 'refused'
end
local refusal = answer(event, key, token, 'done')
if refusal then return refusal end
withdraw(event)
redis.call('ZREM', name('open', event.job), key)
finish(event, token)
take_turns(event)
return 'applied'
