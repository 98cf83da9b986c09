-- ARGV[1] of the dead events at most, the last first: of the type ARGV[3] unless ARGV[2] is '*', of the job ARGV[5]
-- unless ARGV[4] is '*', and from before the one, if any, that died at ARGV[6] and has the key ARGV[7].
local limit, died, after = tonumber(ARGV[1]), ARGV[6], ARGV[7]

local function chosen(which, word) return which == ALL and ALL or exactly(word) end
local grave = name('dead', chosen(ARGV[2], ARGV[3]), chosen(ARGV[4], ARGV[5]))

-- Of those that died at the same time as that one, the ones up to it come before.
local skip = 0
if died then
  local same = redis.call('ZREVRANGEBYSCORE', grave, died, died)
  while same[skip + 1] and same[skip + 1] >= after do skip = skip + 1 end
end

local letters = {}
for _, key in ipairs(redis.call('ZREVRANGEBYSCORE', grave, died or '+inf', '-inf', 'LIMIT', skip, limit)) do
  local fields = redis.call('HMGET', name('event', key), 'type', 'job', 'attempt', 'why', 'accepted', 'died')
  letters[#letters + 1] = {
    key, fields[1], fields[2], fields[3], fields[4], now - fields[5], now - fields[6], fields[6],
  }
end
return letters
