-- Answers again with the first tokens of a provider's session, inside its grace and until its refresh token has
-- been presented: the answer to whoever opened it may have been lost.
local h = read_header(record)
if not h then return {'REFRESH_TOKEN_INVALID'} end
if is_revoked(h, hashed) then return {'SESSION_REVOKED'} end
if now >= h.absolute_expire_ms then return {'SESSION_LIFETIME_EXCEEDED'} end
if now >= h.idle_expire_ms then return {'SESSION_IDLE_TIMEOUT'} end
if h.confirmation ~= confirmation then return {'BINDING_MISMATCH'} end
local access = redis.call('GET', access_key(hashed))
local is_untouched = h.generation == 0 and not is(h, FLAG_CONFIRMED) and h.replays < MAX_REPLAYS
if not access or not is_untouched or now >= h.created_ms + h.grace_ms then return {'REFRESH_TOKEN_SUPERSEDED'} end
-- An answer that gives something out also writes something, or waiting for replicas would wait for nothing.
h.replays = h.replays + 1
redis.call('SETRANGE', record, 0, packed(h))
return {'REPLAYED', redis.call('GET', record), access}
