-- From now on a refresh token one ahead of the store may go forward: history was lost.
redis.call('SET', CHANGED, now)
return now
