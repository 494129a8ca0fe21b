-- Gives the right back to exchange a provider's refresh token: it has opened no session. With forgets = 1 what the
-- provider has given for it is good for nothing.
if redis.call('HGET', adoption, 'holder') ~= holder then return 0 end
if forgets == 1 then redis.call('DEL', held) end
redis.call('DEL', adoption)
return 1
