-- Claims the event KEYS[1] for the holder ARGV[1], and keeps the record for ARGV[2] ms. The lease lapses when ARGV[3]
-- of them are left.
-- Records: R:<attempt>:<left>:<holder> running, F:<attempt>:<holder> failed, <holder> alone done.
local holder, retention, left = ARGV[1], ARGV[2], ARGV[3]

local function grant(attempt)
  attempt = math.min(attempt, 4294967295)
  redis.call('SET', KEYS[1], string.format('R:%.0f:%s:%s', attempt, left, holder), 'PX', retention)
  return { 'granted', attempt }
end

local record = redis.call('GET', KEYS[1])
if not record then return grant(1) end
if #record == 19 and string.find(record, '^[4-9]%d+$') then return { 'done', 0 } end

local failed = string.match(record, '^F:(%d+):%d+$')
if failed then return grant(failed + 1) end

local running, lapses, other = string.match(record, '^R:(%d+):(%-?%d+):(%d+)$')
if not running then return redis.error_reply('NORECORD the key holds something else') end
-- The holder asks again because an answer was lost.
if other == holder then return grant(tonumber(running)) end
local lapses_in = redis.call('PTTL', KEYS[1]) - lapses
if lapses_in <= 0 then return grant(running + 1) end
return { 'busy', lapses_in }
