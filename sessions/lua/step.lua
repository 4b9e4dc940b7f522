#!lua
-- A plain step of one session, compare-and-set.
-- KEYS: the session. ARGV: now (8 octets, as in the header; a ninth says that an
-- earlier try may have been written), the version expected (8 octets, zero: none),
-- the value, when it may be forgotten (ms).
-- Returns 0, or 1 on a conflict.
local h = redis.call('GETRANGE', KEYS[1], 0, 17)
local have = '\0\0\0\0\0\0\0\0'
if #h == 18 then
  local hi, lo = struct.unpack('>I4I4', h, 11)
  local nhi, nlo = struct.unpack('>I4I4', ARGV[1])
  if hi > nhi or (hi == nhi and lo > nlo) then
    have = string.sub(h, 3, 10)
  end
end
if have ~= ARGV[2] then
  if #ARGV[1] == 9 and redis.call('GET', KEYS[1]) == ARGV[3] then
    return 0
  end
  return 1
end
redis.call('SET', KEYS[1], ARGV[3], 'PXAT', ARGV[4])
return 0
