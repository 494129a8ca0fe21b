-- Gives out the exclusive right to exchange a refresh token that a provider gave to somebody else, unless it has
-- opened a session, which is told then, or another call has that right. With the right comes what the provider has
-- given for the token before.
local known = redis.call('HMGET', adoption, 'session', 'pepper_id', 'salt', 'fingerprint')
if known[1] then return {'ADOPTED', unpack(known)} end
local by = redis.call('HGET', adoption, 'holder')
if by and by ~= holder then return {'BUSY'} end
redis.call('HSET', adoption, 'holder', holder)
redis.call('PEXPIRE', adoption, LEASE_MS)
return {'FREE', redis.call('GET', held) or nil}
