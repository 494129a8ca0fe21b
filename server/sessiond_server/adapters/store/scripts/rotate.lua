-- Spends a refresh token. KEYS[6]: record.
-- ARGV: id, hashed id, presented generation, hash of its secret, fingerprint, then the proposal: pepper id, step, hash of the
-- successor's secret; then the cause of an end by reuse and by the last generation, the life of log entries, the cap on replays;
-- then, for a provider's session, who wants the lease and for how long, when the call first arrived (0: now), and for each issuer's
-- mark the life that an access token must have left to be handed out again; then the id of the key that was proven, or zeros.
local id, hashed, generation, secret_hash, fingerprint = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local cause_reuse, cause_last, entry_life_ms = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local MAX_REPLAYS, MAX_GENERATION = tonumber(ARGV[13]), 2147483648
local NOT_BOUND = string.rep('\0', 32)
local holder, lease_ms, reuse_above = ARGV[14], tonumber(ARGV[15]), ARGV[17]
-- Who waited for another's lease is judged as of when they came.
local arrived_ms = tonumber(ARGV[16]) > 0 and math.min(tonumber(ARGV[16]), now) or now

local h = read_header(KEYS[6])
if not h then return {'REFRESH_TOKEN_INVALID'} end
if h.state ~= LIVE or h.created_ms <= marked_until(h, hashed) then return {'SESSION_REVOKED'} end
if now >= h.absolute_expire_ms then return {'SESSION_LIFETIME_EXCEEDED'} end
if now >= h.idle_expire_ms then return {'SESSION_IDLE_TIMEOUT'} end
if h.binding ~= NOT_BOUND and h.binding ~= ARGV[18] then return {'BINDING_MISMATCH'} end

-- The header is written as a whole and the tail stays as it is.
local function save()
  redis.call('SETRANGE', KEYS[6], 0, packed(h))
  redis.call('PEXPIREAT', KEYS[6], keep_until(h))
  if is(h, UPSTREAM) then redis.call('PEXPIREAT', refresh_key(hashed), keep_until(h)) end
end

local function access_token()
  return is(h, UPSTREAM) and redis.call('GET', access_key(hashed))
end

local function rotate()
  if generation >= MAX_GENERATION then
    end_session(id, hashed, h, cause_last, entry_life_ms)
    return {'SESSION_LIFETIME_EXCEEDED', logged()}
  end
  clear(h, LEASED)
  clear(h, CONFIRMED)
  h.lease_until_ms = 0
  h.generation, h.previous_hash, h.current_hash = generation + 1, secret_hash, ARGV[9]
  h.pepper_id, h.step, h.fingerprint, h.replays = ARGV[7], ARGV[8], fingerprint, 0
  h.rotated_before_ms, h.rotated_ms = h.rotated_ms, now
  h.idle_expire_ms = math.min(now + h.idle_ms, h.absolute_expire_ms)
  save()
  return {'ROTATED', redis.call('GET', KEYS[6]), access_token()}
end

-- Whether the provider's access token has enough life left to be handed out again.
local function access_is_fresh()
  for at = 1, #reuse_above, 16 do
    local mark, above_ms = struct.unpack('>c8I8', reuse_above, at)
    if mark == h.issuer_mark and above_ms > 0 then return redis.call('PTTL', access_key(hashed)) > above_ms end
  end
  return false
end

-- One exchange at a time: everybody else waits for who holds the lease.
local function lease()
  if is(h, LEASED) and h.lease_until_ms > now and h.lease_holder ~= holder then return {'BUSY', now} end
  local was_lost = is(h, LEASED) and h.lease_holder ~= holder
  local in_doubt = was_lost or is(h, IN_DOUBT)
  h.flags = UPSTREAM + LEASED + CONFIRMED + (in_doubt and IN_DOUBT or 0)
  h.lease_until_ms, h.lease_holder, h.lease_number = now + lease_ms, holder, h.lease_number + 1
  save()
  return {'LEASED', redis.call('GET', KEYS[6]), redis.call('GET', refresh_key(hashed)), in_doubt and 1 or 0}
end

local function go_forward()
  if not is(h, UPSTREAM) or generation >= MAX_GENERATION or access_is_fresh() then return rotate() end
  return lease()
end

local function replay()
  -- An answer that releases something also writes something, or waiting for replicas would wait for nothing.
  h.replays = h.replays + 1
  save()
  return {'REPLAYED', redis.call('GET', KEYS[6]), access_token()}
end

if generation == h.generation then
  if secret_hash == h.current_hash then return go_forward() end
  -- Authentic and yet another secret: the store has lost a rotation.
  return {'REFRESH_TOKEN_INVALID'}
end

if generation > h.generation then
  -- One ahead, the store has lost a rotation; it goes forward only where the store is known to have lost something since.
  local changed_ms = tonumber(redis.call('GET', CHANGED) or 0)
  if generation == h.generation + 1 and changed_ms > math.max(h.rotated_ms, h.created_ms) then return go_forward() end
  return {'REFRESH_TOKEN_INVALID'}
end

local is_predecessor = generation == h.generation - 1
local spent_ms = is_predecessor and h.rotated_ms or h.rotated_before_ms
if arrived_ms >= spent_ms + h.grace_ms then
  end_session(id, hashed, h, cause_reuse, entry_life_ms)
  return {'REFRESH_TOKEN_REUSED', logged()}
end
-- A session's successor that is being exchanged has been presented; and a provider's answer can only be repeated while it is held.
local is_repeatable = not is(h, CONFIRMED) and (not is(h, UPSTREAM) or redis.call('EXISTS', access_key(hashed)) == 1)
local is_the_same = secret_hash == h.previous_hash and fingerprint == h.fingerprint
if is_predecessor and is_the_same and is_repeatable and h.replays < MAX_REPLAYS then return replay() end
return {'REFRESH_TOKEN_SUPERSEDED'}
