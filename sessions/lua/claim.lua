#!lua
-- Leases due records of one slot's queue.
-- KEYS: the queue. ARGV: now (us), the lease's end (us, and as in the header),
-- how many at most, the keys' common beginning, which the members continue.
-- The records share the queue's slot. Returns their values.
local out = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
  local key = ARGV[5] .. member
  if redis.call('STRLEN', key) >= 18 then
    redis.call('SETRANGE', key, 10, ARGV[3])
    redis.call('ZADD', KEYS[1], ARGV[2], member)
    out[#out + 1] = redis.call('GET', key)
  else -- kept for its time and forgotten since
    redis.call('ZREM', KEYS[1], member)
  end
end
return out
