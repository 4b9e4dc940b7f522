#!lua
-- A write that leaves nothing behind, made of every command that a commit is made of:
-- it shows that a commit is allowed, and what follows it that one is durable.
-- KEYS: a string and a sorted set that nobody else has. Returns 0.
redis.call('SET', KEYS[1], 'probe', 'PXAT', ARGV[1])
redis.call('SETRANGE', KEYS[1], 0, 'P')
redis.call('GETRANGE', KEYS[1], 0, redis.call('STRLEN', KEYS[1]))
redis.call('GET', KEYS[1])
redis.call('ZADD', KEYS[2], ARGV[1], 'probe', ARGV[1], 'again')
redis.call('ZRANGE', KEYS[2], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, 1)
redis.call('ZREM', KEYS[2], 'probe')
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1])
redis.call('DEL', KEYS[1], KEYS[2])
return 0
