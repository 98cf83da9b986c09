-- Takes events for the token ARGV[1], for ARGV[2] microseconds, in the order ARGV[3], until it holds ARGV[4] of
-- them; of the types ARGV[7]... unless ARGV[6] is '*'. Gives those it holds, from the ARGV[5]th on, with their leases
-- renewed. They may be a 'full' batch, so that there may be others, or all there is, though others may be 'outside'.
-- Tells which ones were set aside, too.
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

-- Whether all is there to handle an event of this job.
local function is_whole(event, job)
  return not event.is_broken and event.job == job
    and redis.call('HEXISTS', name('event', event.key), 'body') == 1
end

local function may_be_leased(event)
  return event.state == 'queued'
    or event.state == 'leased' and redis.call('ZSCORE', name('leased'), event.key) == 'inf'
end

-- Takes what stands in line for a job and cannot be leased out of it.
local function clear(job, key)
  for _, queue in ipairs(of_types('queue', job)) do redis.call('ZREM', queue, key) end
  redis.call('ZREM', name('queue', ALL, job), key)
  local event = find(key)
  if not event or not is_whole(event, job) then
    redis.call('ZREM', name('open', job), key)
    if event then set_aside(event) else set_aside_remains(key, job) end
  end
  for _, which in ipairs(types) do
    stand('any', which, job, redis.call('EXISTS', name('queue', which, job)) == 1)
  end
  take_turns({ job = job, type = event and event.type or '' })
end

-- Whether an event was taken; nil if there is none.
local function take_next()
  local job = least(lines())
  if not job then return nil end
  local key = first_of(job)
  if not key then
    for _, line in ipairs(lines()) do redis.call('ZREM', line, job) end
    return false
  end
  local event = find(key)
  if not event or not is_whole(event, job) or not may_be_leased(event) then
    clear(job, key)
    return false
  end
  take(event)
  for _, line in ipairs(lines()) do redis.call('ZADD', line, 'XX', next_turn(), job) end
  return true
end

local function top_up()
  local missing = math.min(limit, from + BATCH) - redis.call('ZCARD', held)
  -- What is cleared away counts, too, so that nobody waits for long.
  for _ = 1, BATCH do
    if missing <= 0 then return end
    local taken = take_next()
    if taken == nil then return end
    if taken then missing = missing - 1 end
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
for _, key in ipairs(batch()) do
  local event = find(key)
  if event and is_whole(event, event.job) then
    renew(event, lease)
  else
    redis.call('ZREM', held, key)
    if event then set_aside(event) else set_aside_remains(key, '') end
  end
end
if limit > 0 then let_in() end
top_up()
local events = {}
for _, key in ipairs(batch()) do events[#events + 1] = tell(key) end
if #events == BATCH then return { 'full', events, aside } end
return { is_crowded() and 'outside' or 'all', events, aside }
