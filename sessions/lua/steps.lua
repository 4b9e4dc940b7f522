#!lua
-- Plain steps of several sessions, each compare-and-set for itself.
-- KEYS: the sessions, none of them twice. ARGV: now (8 octets, as in the header),
-- then three for each session: the version expected (8 octets, zero: none; a ninth
-- says that an earlier try may have been written), the value ('' removes the
-- session), when it may be forgotten (ms).
-- Returns an octet for each session: 0, or 1 on a conflict.
local nhi, nlo = struct.unpack('>I4I4', ARGV[1])
local done = {}
for i = 1, #KEYS do
  local at = 3 * i - 1
  local expected, value = ARGV[at], ARGV[at + 1]
  local h = redis.call('GETRANGE', KEYS[i], 0, 17)
  local have = '\0\0\0\0\0\0\0\0'
  if #h == 18 then
    local hi, lo = struct.unpack('>I4I4', h, 11)
    if hi > nhi or (hi == nhi and lo > nlo) then
      have = string.sub(h, 3, 10)
    end
  end
  if have == string.sub(expected, 1, 8) then
    done[i] = '0'
    if value ~= '' then
      redis.call('SET', KEYS[i], value, 'PXAT', ARGV[at + 2])
    elseif #h > 0 then
      redis.call('DEL', KEYS[i])
    end
  elseif #expected == 9 and (redis.call('GET', KEYS[i]) or '') == value then
    done[i] = '0'
  else
    done[i] = '1'
  end
end
return table.concat(done)
