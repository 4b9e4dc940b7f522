#!lua flags=no-writes,allow-cross-slot-keys
-- What waits in the queues of several slots, due or not.
-- KEYS and further arguments: queues, as in due.lua; ARGV begins with two that it
-- does not read. Returns triples: the place of a queue, how many records it has, or -1
-- if this server does not have it, and the least due time (us). Empty ones are left out.
local queues = KEYS
if #ARGV > 2 then
  queues = {KEYS[1], unpack(ARGV, 3)}
elseif redis.pcall('EXISTS', unpack(KEYS)) == 0 then
  return {}
end
local out = {}
for i, queue in ipairs(queues) do
  local first = redis.pcall('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if first.err then
    out[#out + 1] = i
    out[#out + 1] = -1
    out[#out + 1] = 0
  elseif #first > 0 then
    out[#out + 1] = i
    out[#out + 1] = redis.call('ZCARD', queue)
    out[#out + 1] = tonumber(first[2])
  end
end
return out
