-- Stores a session, and makes room for it where its subject has too many: sessions that are over go first,
-- then the oldest ones. The created_ms of the given header is the store's time a moment ago.
if redis.call('ZCARD', index) >= max_sessions and log_is_full() then return refusal_of_full_log() end
redis.call('SET', record, header .. behind_header)
local h = read_header(record)

-- A login right after a cutoff, in the same millisecond, must not be hit by it.
h.created_ms = math.max(h.created_ms, latest_cutoff(h, hashed) + 1)
redis.call('SET', record, packed(h) .. behind_header, 'PXAT', keep_until(h))
-- Whoever repeats a cutoff asks whether a session has begun since it was set.
redis.call('SET', last_login, math.max(h.created_ms, tonumber(redis.call('GET', last_login) or 0)))

if is(h, FLAG_PROVIDER) then
  redis.call('SET', refresh_key(hashed), sealed_refresh, 'PXAT', keep_until(h))
  redis.call('SET', access_key(hashed), sealed_access, 'PXAT', access_expire_ms)
end

local function drop_members_that_are_over()
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local _, other_hashed = split_member(member)
    local other = read_header(record_key(other_hashed))
    if not other or is_over(other) then redis.call('ZREM', index, member) end
  end
end

local function is_full()
  return redis.call('ZCARD', index) >= max_sessions
end

redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
if is_full() then drop_members_that_are_over() end
local oldest = is_full() and redis.call('ZRANGE', index, 0, redis.call('ZCARD', index) - max_sessions) or {}
-- The new session is a member before others end: a provider's session that it shares with them goes on.
redis.call('ZADD', index, h.absolute_expire_ms, id .. hashed)
local ended = ''
for _, member in ipairs(oldest) do
  local old_id, old_hashed = split_member(member)
  end_session(old_id, old_hashed, read_header(record_key(old_hashed)), CAUSE_SESSION_LIMIT, entry_life_ms)
  ended = ended .. old_id
end
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', index, last + DAY_MS)
return {redis.call('GET', record), logged(), ended}
