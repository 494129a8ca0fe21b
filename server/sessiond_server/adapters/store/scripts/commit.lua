-- Stores what an exchange at a provider brought, and rotates, if state and generation are still those of the
-- lease. Where the session has ended meanwhile, the refresh token that was brought is revoked at the
-- provider.
local h = read_header(record)
if not h then return {'SESSION_REVOKED'} end
if is_revoked(h, hashed) then
  queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)
  return {'SESSION_REVOKED'}
end
-- This is the same commit again, because its answer was lost.
if h.generation == generation + 1 and h.rotation_salt == rotation_salt then
  return {'ROTATED', redis.call('GET', record), redis.call('GET', access_key(hashed))}
end
-- Behind a hold only the last lease counts: what an earlier one brought is older than what is kept.
local is_outdated = h.holds > 0 and h.lease_holder ~= holder
if h.generation ~= leased_generation or is_outdated then return {'MOVED'} end
if now >= h.absolute_expire_ms then
  queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)
  return {'SESSION_LIFETIME_EXCEEDED'}
end

local stored = redis.call('GET', record)
local login_at = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids
local ids = string.sub(stored, HEADER_BYTES + 1, login_at)
ids, h.token_ids = with_token_id(ids, h, token_id, access_expire_ms, entry_life_ms)
h.flags = FLAG_PROVIDER
note_refresh_life(h, refresh_life_ms)
note_refresh(id, hashed, h, hashed_refresh)
advance(h, generation, secret_hash, fingerprint, pepper_id, rotation_salt, successor_hash)
redis.call('SET', record, packed(h) .. ids .. string.sub(stored, login_at + 1), 'PXAT', keep_until(h))
redis.call('SET', refresh_key(hashed), sealed_refresh, 'PXAT', keep_until(h))
redis.call('SET', access_key(hashed), sealed_access, 'PXAT', access_expire_ms)
return {'ROTATED', redis.call('GET', record), redis.call('GET', access_key(hashed))}
