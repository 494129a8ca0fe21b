-- Takes the provider's refresh token that has waited longest to be revoked there, and drops those that have
-- waited too long. It is kept aside until it is settled: whoever took it may die before that, and then it is
-- taken again.
while true do
  local left_behind = redis.call('ZRANGEBYSCORE', taken, '-inf', now, 'LIMIT', 0, 1)[1]
  local waiting = left_behind or redis.call('LPOP', queue)
  if not waiting then return false end
  local since_ms = struct.unpack(QUEUED, waiting)
  if now - since_ms < LONGEST_WAIT_MS then
    redis.call('ZADD', taken, now + TAKEN_MS, waiting)
    return waiting
  end
  redis.call('ZREM', taken, waiting)
end
