-- Gives the claim of the token ARGV[1] back, and keeps what was before it for ARGV[3] ms.
local token, retention = ARGV[1], ARGV[3]

local record = redis.call('GET', KEYS[1])
if not record then return { 'refused', 0 } end

local running, holder = string.match(record, '^R:(%d+):%d+:(%x+)$')
local known = running or string.find(record, '^F:%d+:%x+$') or string.find(record, '^D:%x+$')
if not known then return redis.error_reply('NORECORD the key holds something else') end
if holder ~= token then return { 'refused', 0 } end

local before = running - 1
if before < 1 then
  redis.call('DEL', KEYS[1])
else
  -- A token that is nobody's: who released a claim holds it no more.
  redis.call('SET', KEYS[1], string.format('F:%.0f:0', before), 'PX', retention)
end
return { 'applied', 0 }
