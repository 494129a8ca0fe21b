-- Puts back what could not be revoked now, as `next_revocation` gave it.
redis.call('ZREM', taken, queued)
if redis.call('LLEN', queue) < MAX_QUEUED then redis.call('RPUSH', queue, queued) end
return redis.call('LLEN', queue)
