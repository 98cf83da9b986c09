-- Marks attempt ARGV[4] as failed by the token ARGV[1], and keeps the record for ARGV[3] ms.
local token, retention, attempt = ARGV[1], ARGV[3], ARGV[4]

local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder.
if record then
  local running, holder = string.match(record, '^R:(%d+):%d+:(%x+)$')
  if not running then
    -- Said again, because an answer was lost.
    running, holder = string.match(record, '^F:(%d+):(%x+)$')
  end
  local known = running or string.find(record, '^D:%x+$')
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if holder ~= token then return { 'refused', 0 } end
  attempt = running
end
redis.call('SET', KEYS[1], 'F:' .. attempt .. ':' .. token, 'PX', retention)
return { 'applied', 0 }
