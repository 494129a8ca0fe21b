-- Writes when a server was last there: that the store takes it is one thing that is wanted. The other is since
-- when none was: whether the store was away, or all servers, or its clock was set ahead, nobody could use it.
local seen_ms = tonumber(redis.call('GET', seen) or now)
if now - seen_ms >= OUTAGE_MS then
  local known = (redis.call('GET', outages) or '') .. struct.pack(OUTAGE, seen_ms, now)
  redis.call('SET', outages, string.sub(known, -MAX_OUTAGES * OUTAGE_BYTES), 'PX', OUTAGES_KEPT_MS)
end
redis.call('SET', seen, now, 'PX', OUTAGES_KEPT_MS)
return now
