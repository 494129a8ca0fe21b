-- Keeps a part of a snapshot, for whoever still has the right to write one, and keeps that right for longer.
if redis.call('GET', lease) ~= holder then return 0 end
redis.call('PEXPIRE', lease, SNAPSHOT_LEASE_MS)
redis.call('SET', part, packed_part, 'PX', SNAPSHOT_LIFE_MS)
return 1
