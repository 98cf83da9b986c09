-- Marks attempt ARGV[3] as failed by the holder ARGV[1], and keeps the record for ARGV[2] ms.
local holder, retention, attempt = ARGV[1], ARGV[2], ARGV[3]

local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder.
if record then
  local running, other = string.match(record, '^R:(%d+):%-?%d+:(%d+)$')
  if not running then
    -- Said again, because an answer was lost.
    running, other = string.match(record, '^F:(%d+):(%d+)$')
  end
  local known = running or (#record == 19 and string.find(record, '^[4-9]%d+$'))
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if other ~= holder then return 0 end
  attempt = running
end
redis.call('SET', KEYS[1], 'F:' .. attempt .. ':' .. holder, 'PX', retention)
return 1
