-- Remembers that history was lost: from now on a refresh token one ahead of the store may be accepted.
redis.call('SET', CHANGED, now)
return now
