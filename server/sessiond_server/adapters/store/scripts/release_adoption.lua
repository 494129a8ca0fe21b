-- Gives the right back to exchange a provider's refresh token: it has opened no session.
if redis.call('HGET', adoption, 'holder') ~= holder then return 0 end
return redis.call('DEL', adoption)
