-- Prolongs the lease of attempt ARGV[4] for the holder ARGV[1]: the record is kept for ARGV[2] ms, and the lease lapses
-- when ARGV[3] of them are left.
local holder, retention, left, attempt = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder.
if record then
  local running, other = string.match(record, '^R:(%d+):%-?%d+:(%d+)$')
  local known = running or string.find(record, '^F:%d+:%d+$')
    or (#record == 19 and string.find(record, '^[4-9]%d+$'))
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if other ~= holder then return 0 end
  attempt = running
end
redis.call('SET', KEYS[1], 'R:' .. attempt .. ':' .. left .. ':' .. holder, 'PX', retention)
return 1
