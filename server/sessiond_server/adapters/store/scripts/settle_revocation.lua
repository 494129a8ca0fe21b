-- Lets go of what was revoked, or never can be. KEYS[6]: the queue. KEYS[7]: what was taken. ARGV: what `next_revocation` gave.
return redis.call('ZREM', KEYS[7], ARGV[2])
