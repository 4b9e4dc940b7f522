#!lua flags=no-writes,allow-cross-slot-keys
-- How many records are due in the queues of several slots.
-- KEYS: queues; in a cluster one, and the others that the same server is thought to
-- have are arguments. ARGV: now (us), how many records are enough, more queues.
-- Returns pairs: the place of a queue, and how many are due in it, or -1 if this
-- server does not have it. Queues where none is due are left out.
local queues, enough = KEYS, tonumber(ARGV[2])
if #ARGV > 2 then
  queues = {KEYS[1], unpack(ARGV, 3)}
elseif redis.pcall('EXISTS', unpack(KEYS)) == 0 then -- most of the time: no queue has anything
  return {}
end
local out = {}
for i, queue in ipairs(queues) do
  local n = redis.pcall('ZCOUNT', queue, '-inf', ARGV[1])
  if type(n) ~= 'number' then
    n = -1
  end
  if n ~= 0 then
    out[#out + 1] = i
    out[#out + 1] = n
    enough = enough - math.max(n, 0)
    if enough <= 0 then
      break
    end
  end
end
return out
