-- Remembers which session a provider's refresh token has opened; the result says that it is this one.
local known = redis.call('HGET', adoption, 'session')
if known and known ~= session then return 0 end
redis.call('DEL', adoption, held)
redis.call('HSET', adoption, 'session', session, 'pepper_id', pepper_id, 'salt', salt, 'fingerprint', fingerprint)
redis.call('PEXPIRE', adoption, life_ms)
return 1
