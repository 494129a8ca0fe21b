-- Stores what a provider's exchange brought, and rotates. KEYS[6]: record.
-- ARGV: id, hashed id, generation of the record at the lease, presented generation, hash of its secret, fingerprint, then the
-- proposal: pepper id, step, hash of the successor's secret; then the sealed refresh token, the sealed access token, when that
-- expires, and its hashed token id (nothing where the provider's session id does the same duty).
local id, hashed, leased_generation, generation = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local pepper_id, step, refresh, access, access_expire_ms, token_id = ARGV[8], ARGV[9], ARGV[11], ARGV[12], ARGV[13], ARGV[14]

local h = read_header(KEYS[6])
if not h then return {'SESSION_REVOKED'} end
if h.state ~= LIVE or h.created_ms <= marked_until(h, hashed) then
  queue_revocation(id, h, refresh)
  return {'SESSION_REVOKED'}
end
-- The same commit again, whose answer was lost.
if h.generation == generation + 1 and h.step == step then
  return {'ROTATED', redis.call('GET', KEYS[6]), redis.call('GET', access_key(hashed))}
end
if h.generation ~= leased_generation then return {'MOVED'} end
if now >= h.absolute_expire_ms then return {'SESSION_LIFETIME_EXCEEDED'} end

-- The ids of the access tokens that have not expired, the latest eight.
local function token_ids(known)
  local ids = {}
  for at = 1, #known, TOKEN_ID_BYTES do
    local one = string.sub(known, at, at + TOKEN_ID_BYTES - 1)
    if struct.unpack('>I8', one, 17) > now then ids[#ids + 1] = one end
  end
  if token_id ~= '' then ids[#ids + 1] = struct.pack('>c16I8', token_id, tonumber(access_expire_ms)) end
  while #ids > 8 do table.remove(ids, 1) end
  return table.concat(ids), #ids
end

local record = redis.call('GET', KEYS[6])
local tail_at = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids
local tail = string.sub(record, tail_at + 1)
local ids
ids, h.token_ids = token_ids(string.sub(record, HEADER_BYTES + 1, tail_at))
h.flags, h.lease_until_ms = UPSTREAM, 0
h.generation, h.previous_hash, h.current_hash = generation + 1, ARGV[6], ARGV[10]
h.pepper_id, h.step, h.fingerprint, h.replays = pepper_id, step, ARGV[7], 0
h.rotated_before_ms, h.rotated_ms = h.rotated_ms, now
h.idle_expire_ms = math.min(now + h.idle_ms, h.absolute_expire_ms)
redis.call('SET', KEYS[6], packed(h) .. ids .. tail, 'PXAT', keep_until(h))
redis.call('SET', refresh_key(hashed), refresh, 'PXAT', keep_until(h))
redis.call('SET', access_key(hashed), access, 'PXAT', access_expire_ms)
return {'ROTATED', redis.call('GET', KEYS[6]), redis.call('GET', access_key(hashed))}
