-- Takes the exclusive right to write a snapshot, unless somebody else has it.
if not redis.call('SET', lease, holder, 'NX', 'PX', SNAPSHOT_LEASE_MS) then return 0 end
return 1
