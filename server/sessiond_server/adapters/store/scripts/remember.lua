-- Remembers that something was used; 0 if it was before. KEYS[6]: its key. ARGV: for how long.
return redis.call('SET', KEYS[6], '', 'NX', 'PX', ARGV[2]) and 1 or 0
