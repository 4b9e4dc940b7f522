#!lua flags=no-writes
-- The open actions of one customer.
-- KEYS: the index. ARGV: the keys' common beginning, which the members continue.
local out = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  out[#out + 1] = redis.call('GET', ARGV[1] .. member)
end
return out
