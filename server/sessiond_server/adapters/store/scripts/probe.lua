-- Writes a trifle: whether the store takes it, and replicas confirm it, is what is wanted.
redis.call('SET', probed, now, 'PX', OUTAGES_KEPT_MS)
return now
