-- Takes events for the token ARGV[1], for ARGV[2] microseconds, in the order ARGV[3], until it holds ARGV[4] of
-- them; of the types ARGV[7]... unless ARGV[6] is '*'. Gives those it holds, from the ARGV[5]th on, with their leases
-- renewed. They may be a 'full' batch, so that there may be others, or all there is, though others may be 'outside'.
local token, lease, order, limit, from = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local held = name('held', token)

local types = { ARGV[6] }
if ARGV[6] ~= ALL then
  types = {}
  for number = 7, #ARGV do types[#types + 1] = exactly(ARGV[number]) end
end

local function batch() return redis.call('ZRANGE', held, from, from + BATCH - 1) end

-- The least member of several sorted sets.
local function least(names)
  local member, score
  for _, set in ipairs(names) do
    local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if first[1] and (not score or tonumber(first[2]) < score) then
      member, score = first[1], tonumber(first[2])
    end
  end
  return member
end

local function of_types(prefix, suffix)
  local names = {}
  for _, which in ipairs(types) do names[#names + 1] = name(prefix, which, suffix) end
  return names
end

local function lines()
  local names = {}
  for _, which in ipairs(types) do names[#names + 1] = name('turns', order, which) end
  return names
end

local function first_of(job)
  if order ~= 'any' then return head(job, order) end
  return least(of_types('queue', job))
end

local function take(event)
  withdraw(event)
  local record = name('event', event.key)
  if event.token ~= token or event.state ~= 'leased' then
    redis.call('HINCRBY', record, 'attempt', 1)
    redis.call('HINCRBY', record, 'tries', 1)
  end
  redis.call('HSET', record, 'state', 'leased', 'token', token)
  redis.call('HDEL', record, 'said')
  redis.call('ZADD', name('leased'), text(now + lease), event.key)
  redis.call('ZADD', held, next_turn(), event.key)
  take_turns(event)
end

local function take_next()
  local job = least(lines())
  if not job then return false end
  local key = first_of(job)
  local event = key and find(key)
  if event then take(event) end
  for _, line in ipairs(lines()) do
    if event then redis.call('ZADD', line, 'XX', next_turn(), job) else redis.call('ZREM', line, job) end
  end
  return true
end

local function top_up()
  local holds = redis.call('ZCARD', held)
  for _ = 1, math.min(limit, from + BATCH) - holds do
    if not take_next() then return end
  end
end

local function tell(key)
  local fields = redis.call('HMGET', name('event', key),
    'type', 'job', 'body', 'source', 'attempt', 'tries', 'accepted', 'why')
  return {
    key, fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], now - fields[7], fields[8],
  }
end

go_on_without_memory()
-- Somebody has deleted an event by hand where there is none.
for _, key in ipairs(batch()) do
  local event = find(key)
  if event then renew(event, lease) else redis.call('ZREM', held, key) end
end
if limit > 0 then let_in() end
top_up()
local events = {}
for _, key in ipairs(batch()) do events[#events + 1] = tell(key) end
if #events == BATCH then return { 'full', events } end
return { is_crowded() and 'outside' or 'all', events }
