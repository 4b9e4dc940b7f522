#!lua
-- Several records of one customer, all or nothing, compare-and-set on each.
-- KEYS: the queues of actions and of notices, the index of open actions, the
-- queue of wishes, then the records. ARGV: now (8 octets, as in the header; a ninth says that an earlier
-- try may have been written), then six for each record:
--   the version expected (8 octets, zero: none)
--   the value ('' removes the record)
--   when it may be forgotten, in ms ('' never)
--   its member in the queue and the index ('' for kinds that are in none)
--   when it is due, in us ('' not queued)
--   when it was created, in us, if it is an open action ('' if not)
-- Returns 0, or the place of the first record in conflict.
local none = '\0\0\0\0\0\0\0\0'
local nhi, nlo = struct.unpack('>I4I4', ARGV[1])
for i = 5, #KEYS do
  local h = redis.call('GETRANGE', KEYS[i], 0, 17)
  local have = none
  if #h == 18 then
    have = string.sub(h, 3, 10)
    if string.byte(h, 2) == 115 then -- a session that expired is gone
      local hi, lo = struct.unpack('>I4I4', h, 11)
      if hi < nhi or (hi == nhi and lo <= nlo) then
        have = none
      end
    end
  end
  if have ~= ARGV[(i - 5) * 6 + 2] then
    if #ARGV[1] ~= 9 then
      return i - 4
    end
    for j = 5, #KEYS do -- all as this commit leaves it: it was written
      if (redis.call('GET', KEYS[j]) or '') ~= ARGV[(j - 5) * 6 + 3] then
        return i - 4
      end
    end
    return 0
  end
end
for i = 5, #KEYS do
  local at = (i - 5) * 6 + 2
  local value, expire, member, due, created = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  if value == '' then
    redis.call('DEL', KEYS[i])
  elseif expire == '' then
    redis.call('SET', KEYS[i], value)
  else
    redis.call('SET', KEYS[i], value, 'PXAT', expire)
  end
  if member ~= '' then
    local kind = string.byte(value, 2)
    local action = kind == 97
    local queue = action and KEYS[1] or kind == 119 and KEYS[4] or KEYS[2]
    if due == '' then
      redis.call('ZREM', queue, member)
    else
      redis.call('ZADD', queue, due, member)
    end
    if action and created == '' then
      redis.call('ZREM', KEYS[3], member)
    elseif action then
      redis.call('ZADD', KEYS[3], created, member)
    end
  end
end
return 0
