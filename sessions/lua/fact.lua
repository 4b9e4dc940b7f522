#!lua
-- Writes a fact, compare-and-set.
-- KEYS: the fact. ARGV: the version expected (8 octets, zero: none), the next
-- version and the value, '1' if an earlier try may have been written. Returns 0, or 1 on a conflict.
local have = redis.call('GETRANGE', KEYS[1], 0, 7)
if #have ~= 8 then
  have = '\0\0\0\0\0\0\0\0'
end
if have ~= ARGV[1] then
  if ARGV[3] == '1' and redis.call('GET', KEYS[1]) == ARGV[2] then
    return 0
  end
  return 1
end
redis.call('SET', KEYS[1], ARGV[2])
return 0
