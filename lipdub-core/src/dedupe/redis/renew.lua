-- Prolongs the lease of attempt ARGV[4] for the token ARGV[1]: ARGV[2] ms from now, the record kept for ARGV[3] ms.
local token, lease, retention, attempt = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder.
if record then
  local running, holder = string.match(record, '^R:(%d+):%d+:(%x+)$')
  local known = running or string.find(record, '^F:%d+:%x+$') or string.find(record, '^D:%x+$')
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if holder ~= token then return { 'refused', 0 } end
  attempt = running
end
redis.call('SET', KEYS[1], string.format('R:%s:%.0f:%s', attempt, now + lease, token), 'PX', retention)
return { 'applied', 0 }
