-- Queues the dead event ARGV[1] again.
local event = find(ARGV[1])
if not event then return is_done(ARGV[1]) and 'refused' or 'unknown' end
if event.state ~= 'dead' then return 'refused' end
replay(event)
return 'applied'
