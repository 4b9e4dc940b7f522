#!lua
-- Writes a fact, compare-and-set.
-- KEYS: the fact. ARGV: the version expected (8 octets, zero: none), the next
-- version and the value. Returns 0, or 1 on a conflict.
local have = redis.call('GETRANGE', KEYS[1], 0, 7)
if #have ~= 8 then
  have = '\0\0\0\0\0\0\0\0'
end
if have ~= ARGV[1] then
  return 1
end
redis.call('SET', KEYS[1], ARGV[2])
return 0
