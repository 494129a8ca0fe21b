-- Stores a session and makes room for it. KEYS[6]: record, KEYS[7]: index.
-- ARGV: id, hashed id, header (its created_ms is the store's time a moment ago), what follows it (token ids, sealed tail), limit of
-- sessions, cause for those that must end, life of log entries; then, for a provider's session, its sealed refresh token, its sealed
-- access token and when that expires.
local id, hashed, tail, limit = ARGV[2], ARGV[3], ARGV[5], tonumber(ARGV[6])
local cause, entry_life_ms = tonumber(ARGV[7]), tonumber(ARGV[8])
redis.call('SET', KEYS[6], ARGV[4] .. tail)
local h = read_header(KEYS[6])

-- A login right behind a mark, in the same millisecond, must not be hit by it.
h.created_ms = math.max(h.created_ms, marked_until(h, hashed) + 1)
redis.call('SET', KEYS[6], packed(h) .. tail, 'PXAT', keep_until(h))

if is(h, UPSTREAM) then
  redis.call('SET', refresh_key(hashed), ARGV[9], 'PXAT', keep_until(h))
  redis.call('SET', access_key(hashed), ARGV[10], 'PXAT', ARGV[11])
end

local function drop_members_that_are_over()
  for _, member in ipairs(redis.call('ZRANGE', KEYS[7], 0, -1)) do
    local other = read_header(record_key(string.sub(member, 17)))
    if not other or is_over(other) then redis.call('ZREM', KEYS[7], member) end
  end
end

redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', now)
if redis.call('ZCARD', KEYS[7]) >= limit then drop_members_that_are_over() end
while redis.call('ZCARD', KEYS[7]) >= limit do
  local oldest = redis.call('ZRANGE', KEYS[7], 0, 0)[1]
  local oldest_hashed = string.sub(oldest, 17)
  end_session(string.sub(oldest, 1, 16), oldest_hashed, read_header(record_key(oldest_hashed)), cause, entry_life_ms)
end
redis.call('ZADD', KEYS[7], h.absolute_expire_ms, id .. hashed)
local last = redis.call('ZRANGE', KEYS[7], -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[7], last + DAY_MS)
return {redis.call('GET', KEYS[6]), logged()}
