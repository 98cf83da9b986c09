-- Prolongs the lease of the token ARGV[2] on the event ARGV[1]: ARGV[3] microseconds from now.
local key, token, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])

local event = find(key)
local refusal = answer(event, key, token, 'renew')
if refusal then return refusal end
go_on_without_memory()
renew(event, lease)
return 'applied'
