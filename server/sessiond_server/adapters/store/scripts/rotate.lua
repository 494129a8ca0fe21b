-- Spends a refresh token. KEYS[6]: record.
-- ARGV: id, hashed id, presented generation, hash of its secret, fingerprint, then the proposal: pepper id, step, hash of the
-- successor's secret; then the cause of an end by reuse and by the last generation, the life of log entries, the cap on replays.
local id, hashed, generation, secret_hash, fingerprint = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local cause_reuse, cause_last, entry_life_ms = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local MAX_REPLAYS, MAX_GENERATION = tonumber(ARGV[13]), 2147483648

local h = read_header(KEYS[6])
if not h then return {'REFRESH_TOKEN_INVALID'} end
if h.state ~= LIVE or h.created_ms <= marked_until(h, hashed) then return {'SESSION_REVOKED'} end
if now >= h.absolute_expire_ms then return {'SESSION_LIFETIME_EXCEEDED'} end
if now >= h.idle_expire_ms then return {'SESSION_IDLE_TIMEOUT'} end

-- The header is written as a whole and the tail stays as it is.
local function save()
  redis.call('SETRANGE', KEYS[6], 0, packed(h))
  redis.call('PEXPIREAT', KEYS[6], keep_until(h))
end

local function rotate()
  if generation >= MAX_GENERATION then
    end_session(id, hashed, h, cause_last, entry_life_ms)
    return {'SESSION_LIFETIME_EXCEEDED', logged()}
  end
  h.generation, h.previous_hash, h.current_hash = generation + 1, secret_hash, ARGV[9]
  h.pepper_id, h.step, h.fingerprint, h.replays = ARGV[7], ARGV[8], fingerprint, 0
  h.rotated_before_ms, h.rotated_ms = h.rotated_ms, now
  h.idle_expire_ms = math.min(now + h.idle_ms, h.absolute_expire_ms)
  save()
  return {'ROTATED', redis.call('GET', KEYS[6])}
end

local function replay()
  -- An answer that releases something also writes something, or waiting for replicas would wait for nothing.
  h.replays = h.replays + 1
  save()
  return {'REPLAYED', redis.call('GET', KEYS[6])}
end

if generation == h.generation then
  if secret_hash == h.current_hash then return rotate() end
  -- Authentic and yet another secret: the store has lost a rotation.
  return {'REFRESH_TOKEN_INVALID'}
end

if generation > h.generation then
  -- One ahead, the store has lost a rotation; it goes forward only where the store is known to have lost something since.
  local changed_ms = tonumber(redis.call('GET', CHANGED) or 0)
  if generation == h.generation + 1 and changed_ms > math.max(h.rotated_ms, h.created_ms) then return rotate() end
  return {'REFRESH_TOKEN_INVALID'}
end

local is_predecessor = generation == h.generation - 1
local spent_ms = is_predecessor and h.rotated_ms or h.rotated_before_ms
if now >= spent_ms + h.grace_ms then
  end_session(id, hashed, h, cause_reuse, entry_life_ms)
  return {'REFRESH_TOKEN_REUSED', logged()}
end
if is_predecessor and secret_hash == h.previous_hash and fingerprint == h.fingerprint and h.replays < MAX_REPLAYS then
  return replay()
end
return {'REFRESH_TOKEN_SUPERSEDED'}
