-- Marks the event as done by the token ARGV[1], and keeps the record for ARGV[3] ms.
local token, retention = ARGV[1], ARGV[3]

local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder's success.
if record then
  local holder = string.match(record, '^R:%d+:%d+:(%x+)$') or string.match(record, '^D:(%x+)$')
  local known = holder or string.find(record, '^F:%d+:%x+$')
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if holder ~= token then return { 'refused', 0 } end
end
redis.call('SET', KEYS[1], 'D:' .. token, 'PX', retention)
return { 'applied', 0 }
