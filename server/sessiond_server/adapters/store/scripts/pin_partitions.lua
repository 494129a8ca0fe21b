-- Writes the number of partitions at the first start, and returns the number that has held ever since. A store
-- that was begun is not written to, so that servers can start while it takes no writes.
local pinned = redis.call('HGET', meta, 'partitions')
if pinned then return tonumber(pinned) end
redis.call('HSET', meta, 'partitions', partitions)
return partitions
