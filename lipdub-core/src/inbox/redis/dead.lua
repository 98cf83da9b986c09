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

-- One that is not there, though it stands here, takes up its place, but has no key.
local function letter(key, since)
  local event = find(key)
  if not event or event.state ~= 'dead' then return { key, false, '', '', 0, '', 0, 0, since } end
  local why = redis.pcall('HGET', name('event', key), 'why')
  return {
    key, key, event.type, event.job, event.attempt, type(why) == 'string' and why or '', now - event.accepted,
    now - since, since,
  }
end

local letters = {}
local found = redis.call('ZREVRANGEBYSCORE', grave, died or '+inf', '-inf', 'WITHSCORES', 'LIMIT', skip, limit)
for place = 1, #found, 2 do letters[#letters + 1] = letter(found[place], found[place + 1]) end
return letters
