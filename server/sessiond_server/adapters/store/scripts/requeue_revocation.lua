-- Puts back what could not be revoked now. KEYS[6]: the queue. KEYS[7]: what was taken. ARGV: what `next_revocation` gave.
redis.call('ZREM', KEYS[7], ARGV[2])
if redis.call('LLEN', KEYS[6]) < MAX_TO_REVOKE then redis.call('RPUSH', KEYS[6], ARGV[2]) end
return redis.call('LLEN', KEYS[6])
