-- Queues the event ARGV[1] again if it is dead, with the body ARGV[2] that has come, by a job's link ARGV[3] or none.
local key, body, source = ARGV[1], ARGV[2], ARGV[3]

if is_done(key) then return 'done' end
local known = find(key)
if not known then return 'unknown' end
if known.state ~= 'dead' then return 'waiting' end
revive(known, body, source)
return 'revived'
