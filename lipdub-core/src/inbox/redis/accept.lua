-- Stores the event ARGV[1] of the type ARGV[2], of the job ARGV[3], with the body ARGV[4], by a job's link ARGV[5]
-- or none. With its key alone, it is not stored, and only asked for.
local key, which, job, body, source = unpack(ARGV)

if is_done(key) then return 'done' end
local known = find(key)
if known and known.state ~= 'dead' then return 'waiting' end
if not body then return known and 'dead' or 'unknown' end
if known then
  revive(known, which, job, body, source)
  return 'revived'
end

local event = {
  key = key, type = which, job = job, accepted = text(now),
  arrival = text(redis.call('INCR', name('arrivals'))),
}
redis.call('HSET', name('event', key), 'state', 'queued', 'type', event.type, 'job', event.job, 'body', body,
  'arrival', event.arrival, 'accepted', event.accepted, 'attempt', 0, 'tries', 0)
if source then redis.call('HSET', name('event', key), 'source', source) end
queue(event, now)
return 'new'
