-- Marks the event as done by the holder ARGV[1], and keeps the record for ARGV[2] ms. ARGV[3] is what the record is if
-- nothing has happened since the claim, by which most are known at once.
local record = redis.call('GET', KEYS[1])
-- With no record, as after a flush, nobody contradicts the holder's success. It may be said again.
if record and record ~= ARGV[3] and record ~= ARGV[1] then
  local running = string.match(record, '^R:%d+:%-?%d+:(%d+)$')
  local known = running or string.find(record, '^F:%d+:%d+$')
    or (#record == 19 and string.find(record, '^[4-9]%d+$'))
  if not known then return redis.error_reply('NORECORD the key holds something else') end
  if running ~= ARGV[1] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
