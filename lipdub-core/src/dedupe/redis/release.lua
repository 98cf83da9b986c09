-- Gives the claim of the holder ARGV[1] back, and keeps what was before it for ARGV[2] ms.
local holder, retention = ARGV[1], ARGV[2]

local record = redis.call('GET', KEYS[1])
if not record then return 0 end

local running, other = string.match(record, '^R:(%d+):%-?%d+:(%d+)$')
local known = running or string.find(record, '^F:%d+:%d+$')
  or (#record == 19 and string.find(record, '^[4-9]%d+$'))
if not known then return redis.error_reply('NORECORD the key holds something else') end
if other ~= holder then return 0 end

local before = running - 1
if before < 1 then
  redis.call('DEL', KEYS[1])
else
  -- Nobody is 0: who released a claim holds it no more.
  redis.call('SET', KEYS[1], string.format('F:%.0f:0', before), 'PX', retention)
end
return 1
