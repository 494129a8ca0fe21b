-- Keeps what an exchange brought that no call waited for, if the provider's refresh token is still the one
-- that was sent. A session that was refreshed meanwhile keeps the access token that it has given out, as
-- whoever asks again gets the same. The session stays at its generation, and may go unused for no longer than
-- before. sealed_access is empty where the access token cannot be handed out.
local h = read_header(record)
if not h then return 0 end
if is_revoked(h, hashed) or now >= h.absolute_expire_ms then
  queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)
  return 0
end
-- This is the same again, because its answer was lost.
local is_own = h.lease_holder == holder and not is(h, FLAG_LEASED)
if is_own and h.hashed_refresh == hashed_refresh then return 1 end
if h.hashed_refresh ~= sent_refresh then return 0 end

clear(h, FLAG_LEASED)
clear(h, FLAG_IN_DOUBT)
h.lease_until_ms = 0
note_refresh_life(h, refresh_life_ms)
note_refresh(id, hashed, h, hashed_refresh)
h.idle_expire_ms = idle_expiry(h, last_used_ms(h))
local stored = redis.call('GET', record)
local login_at = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids
local ids = string.sub(stored, HEADER_BYTES + 1, login_at)
if sealed_access ~= '' and h.generation == leased_generation then
  ids, h.token_ids = with_token_id(ids, h, token_id, access_expire_ms, entry_life_ms)
  redis.call('SET', access_key(hashed), sealed_access, 'PXAT', access_expire_ms)
end
redis.call('SET', record, packed(h) .. ids .. string.sub(stored, login_at + 1), 'PXAT', keep_until(h))
redis.call('SET', refresh_key(hashed), sealed_refresh, 'PXAT', keep_until(h))
return 1
