-- Writes the number of partitions at the first start, and returns the number that has held ever since.
redis.call('HSETNX', meta, 'partitions', partitions)
return tonumber(redis.call('HGET', meta, 'partitions'))
