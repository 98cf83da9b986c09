-- Stores the event ARGV[1] of the type ARGV[2], of the job ARGV[3], with the body ARGV[4], by a job's link ARGV[5]
-- or none. With its key alone, it is not stored if it is not known.
local key = ARGV[1]

if is_done(key) then return 'done' end
local known = find(key)
if known then
  if known.state ~= 'dead' then return 'waiting' end
  revive(known)
  return 'revived'
end
if #ARGV == 1 then return 'unknown' end

local event = {
  key = key, type = ARGV[2], job = ARGV[3], accepted = text(now),
  arrival = text(redis.call('INCR', name('arrivals'))),
}
redis.call('HSET', name('event', key), 'state', 'queued', 'type', event.type, 'job', event.job, 'body', ARGV[4],
  'arrival', event.arrival, 'accepted', event.accepted, 'attempt', 0, 'tries', 0)
if ARGV[5] then redis.call('HSET', name('event', key), 'source', ARGV[5]) end
queue(event, now)
return 'new'
