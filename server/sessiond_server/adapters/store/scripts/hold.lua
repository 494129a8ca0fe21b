-- Keeps the refresh token that an exchange brought together with an access token that cannot be handed out, and
-- gives the lease back: the session stays at its generation, and its next exchange has to wait, each time longer.
-- Only whoever took the lease last may do so, whether or not it has run out: any other would put an older token
-- of the provider in the place of a newer one.
local h = read_header(record)
if not h then return {0, 0} end
if is_revoked(h, hashed) then
  queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)
  return {0, 0}
end
if h.generation ~= leased_generation or h.lease_holder ~= holder then return {0, 0} end
note_refresh_life(h, refresh_life_ms)
note_refresh(id, hashed, h, hashed_refresh)
h.idle_expire_ms = idle_expiry(h, last_used_ms(h))
redis.call('SET', refresh_key(hashed), sealed_refresh, 'PXAT', keep_until(h))
clear(h, FLAG_LEASED)
clear(h, FLAG_IN_DOUBT)
h.lease_until_ms = 0
h.holds = math.min(h.holds + 1, MAX_HOLDS)
h.hold_until_ms = now + math.min(FIRST_HOLD_MS * 2 ^ (h.holds - 1), LONGEST_HOLD_MS)
redis.call('SETRANGE', record, 0, packed(h))
redis.call('PEXPIREAT', record, keep_until(h))
return {1, h.hold_until_ms - now}
