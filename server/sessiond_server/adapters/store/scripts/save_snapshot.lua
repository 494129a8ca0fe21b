-- Keeps the manifest of a snapshot, by which it is found, and gives the right to write one back. Parts of the
-- one that it replaces go once those have read them who have begun to.
if redis.call('GET', lease) ~= holder then return 0 end
redis.call('SET', manifest, packed_manifest, 'PX', SNAPSHOT_LIFE_MS)
redis.call('DEL', lease)
for number = 0, former_parts - 1 do
  redis.call('PEXPIRE', PARTITION .. SNAPSHOT_PART_KEY .. hex(former) .. ':' .. number, FORMER_SNAPSHOT_MS)
end
return 1
