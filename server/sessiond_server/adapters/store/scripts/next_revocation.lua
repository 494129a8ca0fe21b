-- Takes the provider's refresh token that has waited longest to be revoked there, dropping those that waited too long.
-- KEYS[6]: the queue. ARGV: how long one may wait.
while true do
  local waiting = redis.call('LPOP', KEYS[6])
  if not waiting then return false end
  if now - struct.unpack('>I8', waiting) < tonumber(ARGV[2]) then return waiting end
end
