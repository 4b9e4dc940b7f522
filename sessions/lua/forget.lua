#!lua
-- Takes a member without a record out of its queue.
-- KEYS: the queue, the record. ARGV: the member. Both keys are named, so that a
-- server that has only one of them yet, in a slot that moves, refuses (TRYAGAIN):
-- it cannot tell a record that is gone from one that has not arrived.
if redis.call('STRLEN', KEYS[2]) < 18 then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
