-- When servers were last told to fetch an issuer's keys anew; 0 where they were not.
return tonumber(redis.call('GET', order)) or 0
