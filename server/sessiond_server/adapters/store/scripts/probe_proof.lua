-- Says whether a proof was used.
return redis.call('EXISTS', proof)
