-- Queues the event ARGV[1] again if it is dead, as the type ARGV[2] and the job ARGV[3], with the body ARGV[4] and by a
-- job's link ARGV[5] or none, as it has come.
local key, which, job, body, source = unpack(ARGV)

if is_done(key) then return 'done' end
local known = find(key)
if not known then return 'unknown' end
if known.state ~= 'dead' then return 'waiting' end
revive(known, which, job, body, source)
return 'revived'
