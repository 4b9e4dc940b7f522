#!lua
-- Leases due records of one slot's queue.
-- KEYS: the queue. ARGV: now (us), the lease's end (us, and as in the header),
-- how many at most, the keys' common beginning, which the members continue.
-- The records share the queue's slot. Returns their values, and the members whose
-- record is not here: kept for its time and forgotten since, or on its way in a slot
-- that moves (see forget.lua). They are put off as if they were leased.
local records, missing = {}, {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
  local key = ARGV[5] .. member
  local here = redis.call('STRLEN', key) >= 18
  redis.call('ZADD', KEYS[1], ARGV[2], member)
  if here then
    redis.call('SETRANGE', key, 10, ARGV[3])
    records[#records + 1] = redis.call('GET', key)
  else
    missing[#missing + 1] = member
  end
end
return {records, missing}
