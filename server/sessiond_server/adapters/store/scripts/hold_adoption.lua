-- Keeps what a provider has given for a refresh token that has opened no session yet: a later call goes on from there.
-- The right to exchange the token is given back, if it has not run out. The result says that it is kept.
local by, session = unpack(redis.call('HMGET', adoption, 'holder', 'session'))
if session then return 0 end
redis.call('SET', held, sealed, 'PX', life_ms)
if by == holder then redis.call('DEL', adoption) end
return 1
