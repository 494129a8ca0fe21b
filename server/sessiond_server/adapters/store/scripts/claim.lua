-- Writes the number of partitions at the first start and returns the one that holds. KEYS[6]: meta. ARGV: partitions.
redis.call('HSETNX', KEYS[6], 'partitions', ARGV[2])
return tonumber(redis.call('HGET', KEYS[6], 'partitions'))
