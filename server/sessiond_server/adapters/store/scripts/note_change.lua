-- Remembers that history may have been lost, with the run of the store in which that was seen: from now on a
-- refresh token one ahead of the store may be accepted. Nothing is noted where somebody has noted a loss behind
-- the one that the reader knew of (known_ms); the result says whether it was.
local changed_ms = tonumber(redis.call('GET', CHANGED) or 0)
if changed_ms > known_ms then return 0 end
-- The clock may have gone back with the store.
redis.call('SET', CHANGED, math.max(now, changed_ms + 1))
redis.call('HSET', HEAD, 'run', this_run())
return 1
