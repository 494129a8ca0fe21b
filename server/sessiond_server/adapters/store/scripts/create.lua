-- Stores a session, and tells how many its subject has beyond the limit, for which others have to end
-- (make_room). It is a member of the index before they end: a provider's session that it shares with them goes
-- on. Where none is to end for it (may_exceed is 0), it is refused instead. The created_ms of the given header
-- is the store's time a moment ago.

-- The same session again, because the answer was lost, is one of those that there are.
local function excess_with_it()
  local is_new = not redis.call('ZSCORE', index, id .. hashed)
  return redis.call('ZCOUNT', index, '(' .. now, '+inf') + (is_new and 1 or 0) - max_sessions
end

local excess = excess_with_it()
if excess > 0 and may_exceed == 0 then return {'FULL'} end
if excess > 0 and log_is_full() then return refusal_of_full_log() end
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
  join_sharers(h.hashed_provider_session, h, id .. hashed)
  join_sharers(h.hashed_refresh, h, id .. hashed)
end

join(index, h, id .. hashed)
return {'CREATED', redis.call('GET', record), math.max(0, excess), logged()}
