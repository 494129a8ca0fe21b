-- Writes a trifle: that the store takes it is all that is wanted.
redis.call('SET', probe, now, 'PX', PROBE_LIFE_MS)
return now
