-- Takes one unit from a bucket, which is the moment in microseconds when everything that was taken is paid for; the
-- reply is 0, or for how many microseconds to wait, and nothing is taken then. Where the clock was set back, a
-- bucket is as empty as it can be.
local now_us = time[1] * SECOND_US + time[2]
local due_us = math.min(tonumber(redis.call('GET', bucket) or 0), now_us + ahead_us + interval_us)
due_us = math.max(due_us, now_us)
local wait_us = due_us - now_us - ahead_us
if wait_us > 0 then return wait_us end
local life_ms = math.ceil((due_us + interval_us - now_us) / SECOND_MS)
redis.call('SET', bucket, string.format('%.0f', due_us + interval_us), 'PX', life_ms)
return 0
