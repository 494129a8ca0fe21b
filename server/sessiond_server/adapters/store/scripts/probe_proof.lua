-- Says whether a proof could be used up.
return good_until_ms > now and redis.call('EXISTS', proof) == 0 and 1 or 0
