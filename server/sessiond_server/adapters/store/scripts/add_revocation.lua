-- Queues what a refused login brought, as `queue_revocation` queues what an ended session leaves, which has
-- room even where this has none.
if redis.call('LLEN', queue) >= MAX_QUEUED_BY_REFUSALS then return 0 end
redis.call('RPUSH', queue, struct.pack(QUEUED, now, id, hashed_issuer, hashed_client) .. sealed_refresh)
return 1
