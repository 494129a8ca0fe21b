-- Tells all servers to fetch an issuer's keys anew. No order has the time of the one before it.
local last = tonumber(redis.call('GET', order)) or 0
if now == last then now = now + 1 end
redis.call('SET', order, now, 'PX', life_ms)
return now
