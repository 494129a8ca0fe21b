-- Takes the provider's refresh token that has waited longest to be revoked there, dropping those that waited too long. It is kept
-- aside until it is settled: whoever took it may die with it, and then it is taken again.
-- KEYS[6]: the queue. KEYS[7]: what was taken, by when it may be taken again. ARGV: how long one may wait, how long it is one's own.
local longest_wait_ms, hold_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
while true do
  local left_behind = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', now, 'LIMIT', 0, 1)[1]
  local waiting = left_behind or redis.call('LPOP', KEYS[6])
  if not waiting then return false end
  if now - struct.unpack('>I8', waiting) < longest_wait_ms then
    redis.call('ZADD', KEYS[7], now + hold_ms, waiting)
    return waiting
  end
  redis.call('ZREM', KEYS[7], waiting)
end
