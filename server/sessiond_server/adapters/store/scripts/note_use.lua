-- Writes when a server could last use the store. The gap since when none could is an outage: whether the store
-- was away or kept nothing, or all servers were away, or its clock was set ahead.
local seen_ms = tonumber(redis.call('GET', seen) or now)
if now - seen_ms >= OUTAGE_MS then
  local known = (redis.call('GET', outages) or '') .. struct.pack(OUTAGE, seen_ms, now)
  redis.call('SET', outages, string.sub(known, -MAX_OUTAGES * OUTAGE_BYTES), 'PX', OUTAGES_KEPT_MS)
end
redis.call('SET', seen, now, 'PX', OUTAGES_KEPT_MS)
return now
