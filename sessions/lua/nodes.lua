#!lua
-- The processes that use the store, by the end of their lease (ms, by the server's
-- clock). KEYS: the sorted set. ARGV: a process to keep ('' none), for how long (ms),
-- a process to drop ('' none). Returns those whose lease has not ended.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
end
if ARGV[3] ~= '' then
  redis.call('ZREM', KEYS[1], ARGV[3])
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
