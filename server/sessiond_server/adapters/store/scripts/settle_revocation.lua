-- Lets go of what was revoked, or never can be, as `next_revocation` gave it.
return redis.call('ZREM', taken, queued)
