-- What the scripts of an inbox share. KEYS[1] names a partition, and the names of all its keys begin with that:
--
--   event:<key>            hash     an event that is not done: its state (queued, leased, dead), and what came
--   done:<key>             string   one that is: <accepted>:<finished>:<attempt>:<token or ->:<died or ->
--   finished               list     the keys of those that are done, in the order in which they were
--   delayed                by when it is due:            events that are queued for later
--   due                    by when it was accepted:      events that are queued, and due
--   leased                 by when the lease lapses:     events that are leased; inf if it was found to have lapsed
--   held:<token>           by when it was leased:        events that a token holds
--   open:<job>             by arrival:                   events of a job that are queued or leased
--   queue:<type>:<job>     by arrival:                   those of them that may be leased, of a type or of all
--   buried:<job>           by arrival:                   events of a job that are dead
--   dead:<type>:<job>      by when it died:              events that are dead, of a type or all, of a job or all
--   turns:<order>:<type>   by whose turn it is:          jobs with an event that may be leased in that order
--   heads:<order>          hash     the type of the event with which a job stands in turns:<order>
--   arrivals, turn         counters
--
-- Times are microseconds since 1970 by the server's clock, which a double holds exactly.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

local ALL = '*'
local PER_JOB = { 'per_job', 'behind_dead' }
-- How many events a script touches at most.
local BATCH = 50

local function name(...) return table.concat({ KEYS[1], ... }, ':') end

-- A server that is out of memory stops a script at its first write if that needs some, and lets it go on if it has
-- written before. Whoever handles events makes room, so nothing but new events is to be stopped.
local function go_on_without_memory() redis.call('DEL', name('nothing')) end

local function text(number) return string.format('%.0f', number) end

-- A type or a job may be any text: with its length in front, none is taken for another.
local function exactly(word) return #word .. '=' .. word end

local function find(key)
  local fields = redis.call('HMGET', name('event', key),
    'state', 'token', 'said', 'type', 'job', 'arrival', 'accepted', 'attempt', 'died')
  if not fields[1] then return nil end
  return {
    key = key, state = fields[1], token = fields[2], said = fields[3], type = fields[4], job = fields[5],
    arrival = fields[6], accepted = fields[7], attempt = fields[8], died = fields[9],
  }
end

local function is_done(key) return redis.call('EXISTS', name('done', key)) == 1 end

-- The first event of a job that is not done, if it may be leased.
local function first(job)
  local first = redis.call('ZRANGE', name('open', job), 0, 0, 'WITHSCORES')
  if first[1] and redis.call('ZSCORE', name('queue', ALL, job), first[1]) then return first[1], tonumber(first[2]) end
end

local function is_behind_dead(job, arrival)
  local dead = redis.call('ZRANGE', name('buried', job), 0, 0, 'WITHSCORES')
  return dead[1] and tonumber(dead[2]) < arrival
end

-- The event with which a job stands in line where one waits for those before it.
local function head(job, order)
  local key, arrival = first(job)
  if key and not (order == 'behind_dead' and is_behind_dead(job, arrival)) then return key end
end

local function next_turn() return redis.call('INCR', name('turn')) end

local joined
-- The turn of all that join lines in this call: behind those who stand there.
local function end_of_line()
  joined = joined or next_turn()
  return joined
end

-- Puts a job at the end of a line, unless it stands there, or takes it out.
local function stand(order, which, job, may)
  local turns = name('turns', order, which)
  if may then redis.call('ZADD', turns, 'NX', end_of_line(), job) else redis.call('ZREM', turns, job) end
end

-- Brings the turns of a job up to date after one of its events has changed.
local function take_turns(event)
  local job = event.job
  for _, which in ipairs({ ALL, exactly(event.type) }) do
    stand('any', which, job, redis.call('EXISTS', name('queue', which, job)) == 1)
  end
  local key, arrival = first(job)
  local which = key and exactly(key == event.key and event.type or redis.call('HGET', name('event', key), 'type'))
  for _, order in ipairs(PER_JOB) do
    local heads = name('heads', order)
    local before = redis.call('HGET', heads, job)
    local after = not (order == 'behind_dead' and key and is_behind_dead(job, arrival)) and which
    if before and before ~= after then stand(order, before, job, false) end
    stand(order, ALL, job, after)
    if after then
      stand(order, after, job, true)
      if before ~= after then redis.call('HSET', heads, job, after) end
    elseif before then
      redis.call('HDEL', heads, job)
    end
  end
end

local function queues(event)
  return { name('queue', ALL, event.job), name('queue', exactly(event.type), event.job) }
end

local function enqueue(event)
  for _, queue in ipairs(queues(event)) do redis.call('ZADD', queue, event.arrival, event.key) end
end

local function dequeue(event)
  for _, queue in ipairs(queues(event)) do redis.call('ZREM', queue, event.key) end
end

-- Queues an event that stands nowhere, until a time that may have come.
local function queue(event, due)
  redis.call('ZADD', name('open', event.job), event.arrival, event.key)
  if due > now then
    redis.call('ZADD', name('delayed'), text(due), event.key)
  else
    redis.call('ZADD', name('due'), event.accepted, event.key)
    enqueue(event)
  end
  take_turns(event)
end

-- Takes an event that is queued or leased from wherever it stands but among the open ones.
local function withdraw(event)
  dequeue(event)
  redis.call('ZREM', name('due'), event.key)
  redis.call('ZREM', name('leased'), event.key)
  if event.token then redis.call('ZREM', name('held', event.token), event.key) end
end

-- Prolongs a lease, which may have lapsed.
local function renew(event, lease)
  local has_lapsed = redis.call('ZSCORE', name('leased'), event.key) == 'inf'
  redis.call('ZADD', name('leased'), text(now + lease), event.key)
  if has_lapsed then
    dequeue(event)
    take_turns(event)
  end
end

local function graves(event)
  local names = {}
  for _, which in ipairs({ ALL, exactly(event.type) }) do
    for _, job in ipairs({ ALL, exactly(event.job) }) do names[#names + 1] = name('dead', which, job) end
  end
  return names
end

local function entomb(event)
  for _, grave in ipairs(graves(event)) do redis.call('ZADD', grave, text(now), event.key) end
  redis.call('ZADD', name('buried', event.job), event.arrival, event.key)
end

local function exhume(event)
  for _, grave in ipairs(graves(event)) do redis.call('ZREM', grave, event.key) end
  redis.call('ZREM', name('buried', event.job), event.key)
end

-- Queues a dead event again.
local function replay(event)
  exhume(event)
  redis.call('HSET', name('event', event.key), 'state', 'queued', 'tries', 0)
  redis.call('HDEL', name('event', event.key), 'token', 'said')
  queue(event, now)
end

-- Queues an event again that was dead when it came again, with what has come.
local function revive(event, body, source)
  local record = name('event', event.key)
  event.accepted = text(now)
  replay(event)
  redis.call('HSET', record, 'accepted', event.accepted, 'body', body)
  if source then redis.call('HSET', record, 'source', source) else redis.call('HDEL', record, 'source') end
end

-- Remembers an event that stands nowhere as done.
local function finish(event, token)
  redis.call('DEL', name('event', event.key))
  local record = { event.accepted, text(now), event.attempt, token or '-', event.died or '-' }
  redis.call('SET', name('done', event.key), table.concat(record, ':'))
  redis.call('RPUSH', name('finished'), event.key)
end

-- The answer to a token that would settle an event but does not hold it, or has settled it so before.
local function answer(event, key, token, said)
  if not event then return is_done(key) and 'refused' or 'unknown' end
  if event.token ~= token then return 'refused' end
  if event.said == said then return 'applied' end
  if event.state ~= 'leased' then return 'refused' end
  return nil
end

-- Lets in those whose time has come: events that were queued for later, and those whose lease has lapsed. They
-- are many after an outage, so a batch of each at most.
local function let_in()
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', name('leased'), '-inf', text(now), 'LIMIT', 0, BATCH)) do
    redis.call('ZADD', name('leased'), 'inf', key)
    local event = find(key)
    if event then
      enqueue(event)
      take_turns(event)
    end
  end
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', name('delayed'), '-inf', text(now), 'LIMIT', 0, BATCH)) do
    redis.call('ZREM', name('delayed'), key)
    local event = find(key)
    if event then queue(event, now) end
  end
end

-- Whether others have still to be let in.
local function is_crowded()
  for _, waiting in ipairs({ name('leased'), name('delayed') }) do
    if redis.call('ZCOUNT', waiting, '-inf', text(now)) > 0 then return true end
  end
  return false
end
