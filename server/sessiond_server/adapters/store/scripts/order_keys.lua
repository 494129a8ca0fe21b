-- Tells all servers to fetch an issuer's keys anew, by the time of this order.
redis.call('SET', order, now, 'PX', life_ms)
return now
