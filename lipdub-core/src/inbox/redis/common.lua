-- What the scripts of an inbox share. KEYS[1] names a partition, and the names of all its keys begin with that:
--
--   event:<key>            hash     an event that is not done: its state (queued, leased, dead), what came, and whether
--                                   something was lost of it
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

-- A whole number that a double holds more or less exactly, if the word is one.
local function whole(word)
  return word and #word < 17 and string.match(word, '^%d+$')
end

local STATES = { queued = true, leased = true, dead = true }

-- Where an event is that does not tell.
local function state_of(key)
  if redis.call('ZSCORE', name('dead', ALL, ALL), key) then return 'dead' end
  return redis.call('ZSCORE', name('leased'), key) and 'leased' or 'queued'
end

-- What is left of an event that was deleted, and something in the place of what is not.
local function remains(key, job)
  return {
    key = key, state = 'queued', type = '', job = job, arrival = '0', accepted = text(now), attempt = '0', tries = '0',
    is_broken = true,
  }
end

-- An event that is not done. If somebody has edited it, it may be broken, and has something in the place of what is
-- missing.
local function find(key)
  local fields = redis.pcall('HMGET', name('event', key),
    'state', 'token', 'said', 'type', 'job', 'arrival', 'accepted', 'attempt', 'died', 'tries')
  local is_there = fields[1] or fields.err
  for number = 2, 10 do is_there = is_there or fields[number] end
  if not is_there then return nil end
  local event = remains(key, fields[5] or '')
  event.state = STATES[fields[1]] and fields[1] or state_of(key)
  event.token, event.said, event.type = fields[2], fields[3], fields[4] or event.type
  local arrival, accepted, attempt, tries =
    whole(fields[6]), whole(fields[7]), whole(fields[8]), whole(fields[10])
  event.arrival, event.accepted = arrival or event.arrival, accepted or event.accepted
  event.attempt, event.tries, event.died = attempt or event.attempt, tries or event.tries, whole(fields[9])
  event.is_broken =
    not (STATES[fields[1]] and fields[4] and fields[5] and arrival and accepted and attempt and tries)
  return event
end

-- One word of an event, if it has it.
local function word_of(key, field)
  local word = redis.pcall('HGET', name('event', key), field)
  return type(word) == 'string' and word
end

local function is_done(key) return redis.call('EXISTS', name('done', key)) == 1 end

-- The first event of a job that is not done, if it may be leased.
local function first(job)
  for _ = 1, BATCH do
    local first = redis.call('ZRANGE', name('open', job), 0, 0, 'WITHSCORES')
    if not first[1] then return nil end
    if redis.call('ZSCORE', name('queue', ALL, job), first[1]) then return first[1], tonumber(first[2]) end
    if word_of(first[1], 'job') == job then return nil end
    -- Somebody has edited or deleted it.
    redis.call('ZREM', name('open', job), first[1])
  end
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
  local own = key == event.key and not event.is_broken and event.type
  local which = key and exactly(own or word_of(key, 'type') or '')
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

-- Puts something in the place of what a broken event has lost.
local function mend(event)
  local record = name('event', event.key)
  if redis.call('TYPE', record).ok ~= 'hash' then redis.call('DEL', record) end
  redis.call('HSET', record, 'state', event.state, 'type', event.type, 'job', event.job, 'arrival', event.arrival,
    'accepted', event.accepted, 'attempt', event.attempt, 'tries', event.tries, 'lost', 'words')
end

-- The keys of events that were set aside.
local aside = {}

-- Gives up on an event that cannot be read, or it would stop the whole inbox. What is left of it is kept.
local function set_aside(event)
  withdraw(event)
  redis.call('ZREM', name('delayed'), event.key)
  redis.call('ZREM', name('open', event.job), event.key)
  mend(event)
  redis.call('HSET', name('event', event.key), 'state', 'dead', 'said', 'bury', 'died', text(now),
    'why', 'what is stored of it cannot be read: somebody has edited it, or a part of it is gone')
  entomb(event)
  take_turns(event)
  aside[#aside + 1] = event.key
end

-- The same for one of which nothing is left where it stands.
local function set_aside_remains(key, job)
  if not is_done(key) then set_aside(remains(key, job)) end
end

-- Queues a dead event again.
local function replay(event)
  exhume(event)
  if event.is_broken then mend(event) end
  redis.call('HSET', name('event', event.key), 'state', 'queued', 'tries', 0)
  redis.call('HDEL', name('event', event.key), 'token', 'said')
  queue(event, now)
end

-- Queues an event again that was dead when it came again, with what has come: its type and its job only if it may have
-- lost them.
local function revive(event, which, job, body, source)
  local record = name('event', event.key)
  exhume(event)
  if event.is_broken then mend(event) end
  if redis.call('HDEL', record, 'lost') == 1 then event.type, event.job = which, job end
  event.accepted = text(now)
  redis.call('HSET', record, 'state', 'queued', 'type', event.type, 'job', event.job, 'body', body,
    'arrival', event.arrival, 'accepted', event.accepted, 'attempt', event.attempt, 'tries', 0)
  redis.call('HDEL', record, 'token', 'said', 'source')
  if source then redis.call('HSET', record, 'source', source) end
  queue(event, now)
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
    local event = find(key)
    if event then
      redis.call('ZADD', name('leased'), 'inf', key)
      enqueue(event)
      take_turns(event)
    else
      redis.call('ZREM', name('leased'), key)
      set_aside_remains(key, '')
    end
  end
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', name('delayed'), '-inf', text(now), 'LIMIT', 0, BATCH)) do
    redis.call('ZREM', name('delayed'), key)
    local event = find(key)
    if event then queue(event, now) else set_aside_remains(key, '') end
  end
end

-- Whether others have still to be let in.
local function is_crowded()
  for _, waiting in ipairs({ name('leased'), name('delayed') }) do
    if redis.call('ZCOUNT', waiting, '-inf', text(now)) > 0 then return true end
  end
  return false
end
