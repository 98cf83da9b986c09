-- Claims the event KEYS[1] for the token ARGV[1], for ARGV[2] ms, and keeps the record for ARGV[3] ms.
-- Records: R:<attempt>:<lease until>:<token> running, F:<attempt>:<token> failed, D:<token> done.
local token, lease, retention = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function grant(attempt)
  attempt = math.min(attempt, 4294967295)
  redis.call('SET', KEYS[1], string.format('R:%.0f:%.0f:%s', attempt, now + lease, token), 'PX', retention)
  return { 'granted', attempt }
end

local record = redis.call('GET', KEYS[1])
if not record then return grant(1) end
if string.find(record, '^D:%x+$') then return { 'done', 0 } end

local failed = string.match(record, '^F:(%d+):%x+$')
if failed then return grant(failed + 1) end

local running, lapses, holder = string.match(record, '^R:(%d+):(%d+):(%x+)$')
if not running then return redis.error_reply('NORECORD the key holds something else') end
-- The holder asks again because an answer was lost.
if holder == token then return grant(tonumber(running)) end
if tonumber(lapses) <= now then return grant(running + 1) end
return { 'busy', lapses - now }
