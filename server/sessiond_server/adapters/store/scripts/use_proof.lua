-- Remembers for a while that a proof was used; 0 if it had been used before.
return redis.call('SET', proof, '', 'NX', 'PX', life_ms) and 1 or 0
