-- Whether something was used. KEYS[6]: its key.
return redis.call('EXISTS', KEYS[6])
