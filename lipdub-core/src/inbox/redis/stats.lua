-- How many events are due, delayed, leased, dead and done, and how long the oldest that is due has waited.
go_on_without_memory()
let_in()
local oldest = redis.call('ZRANGE', name('due'), 0, 0, 'WITHSCORES')
local outside = redis.call('ZCOUNT', name('delayed'), '-inf', text(now))
return {
  redis.call('ZCARD', name('due')) + outside,
  redis.call('ZCARD', name('delayed')) - outside,
  redis.call('ZCARD', name('leased')),
  redis.call('ZCARD', name('dead', ALL, ALL)),
  redis.call('LLEN', name('finished')),
  oldest[2] and now - oldest[2] or false,
}
