-- Spends a refresh token: judges it by docs/rotation.md, whose rows are named here, and stores the proposed
-- successor. For a provider's session it gives the caller the lease instead, where the provider's refresh
-- token has to be exchanged first.
--
-- Whether a token was spent too long ago is judged as of when the call came (arrived_ms, nil for now): it may
-- have waited while another call held the lease, or its server may have stood still.
local came_ms = math.min(arrived_ms or now, now)

local h = read_header(record)
if not h then return {'REFRESH_TOKEN_INVALID'} end -- unknown
if is_revoked(h, hashed) then return {'SESSION_REVOKED'} end -- revoked
if now >= h.absolute_expire_ms then return {'SESSION_LIFETIME_EXCEEDED'} end -- too-old
if now >= h.idle_expire_ms then return {'SESSION_IDLE_TIMEOUT'} end -- idle
local is_proven = h.confirmation == NOT_BOUND or h.confirmation == confirmation
if not is_proven then return {'BINDING_MISMATCH'} end -- unproven

-- The header is written as a whole, and what follows it stays as it is.
local function save()
  redis.call('SETRANGE', record, 0, packed(h))
  redis.call('PEXPIREAT', record, keep_until(h))
  if is(h, FLAG_PROVIDER) then redis.call('PEXPIREAT', refresh_key(hashed), keep_until(h)) end
end

-- Whether whoever asks has the keys, and the issuer, that what is stored was sealed for: it must not change a
-- session that it cannot read.
local function is_readable()
  local login_at = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids
  local sealed = {redis.call('GETRANGE', record, login_at + 1, login_at + SEALING_ID_BYTES)}
  for _, key in ipairs({refresh_key(hashed), access_key(hashed)}) do
    sealed[#sealed + 1] = redis.call('GETRANGE', key, 1, SEALING_ID_BYTES)
  end
  for _, id_of_key in ipairs(sealed) do
    if id_of_key ~= '' and not entry_of(sealing_ids, SEALING_ID_BYTES, id_of_key) then return false end
  end
  return entry_of(reuse_above, REUSE_ABOVE_BYTES, h.hashed_issuer) ~= nil
end

local function access_token()
  return is(h, FLAG_PROVIDER) and redis.call('GET', access_key(hashed))
end

local function rotate()
  if generation >= MAX_GENERATION then -- last
    end_session(id, hashed, h, CAUSE_GENERATIONS_EXHAUSTED, entry_life_ms)
    return {'SESSION_LIFETIME_EXCEEDED', logged()}
  end
  clear(h, FLAG_LEASED)
  clear(h, FLAG_CONFIRMED)
  advance(h, generation, secret_hash, fingerprint, pepper_id, rotation_salt, successor_hash)
  save()
  return {'ROTATED', redis.call('GET', record), access_token()}
end

-- Whether the provider's access token has enough life left to be handed out again. That the issuer is among
-- them, is_readable has told.
local function access_is_fresh()
  local at = entry_of(reuse_above, REUSE_ABOVE_BYTES, h.hashed_issuer)
  local _, above_ms = struct.unpack(REUSE_ABOVE, reuse_above, at)
  return above_ms > 0 and redis.call('PTTL', access_key(hashed)) > above_ms
end

-- There is one exchange at a time: everybody else waits for whoever holds the lease.
local function lease()
  local is_anothers = is(h, FLAG_LEASED) and h.lease_holder ~= holder
  if is_anothers and h.lease_until_ms > now then return {'BUSY'} end -- busy
  if h.hold_until_ms > now then return {'HELD'} end -- held
  -- Another call's lease has run out: nobody knows what became of its exchange.
  local in_doubt = is_anothers or is(h, FLAG_IN_DOUBT)
  h.flags = FLAG_PROVIDER + FLAG_LEASED + FLAG_CONFIRMED + (in_doubt and FLAG_IN_DOUBT or 0)
  h.lease_until_ms, h.lease_holder, h.lease_number = now + LEASE_MS, holder, h.lease_number + 1
  save()
  local refresh = redis.call('GET', refresh_key(hashed))
  return {'LEASED', redis.call('GET', record), refresh, in_doubt and 1 or 0} -- leased
end

local function go_forward()
  if not is_readable() then return {'UNREADABLE'} end -- unreadable
  if not is(h, FLAG_PROVIDER) or generation >= MAX_GENERATION or access_is_fresh() then return rotate() end
  return lease()
end

local function replay()
  if not is_readable() then return {'UNREADABLE'} end
  -- An answer that gives something out also writes something, or waiting for replicas would wait for nothing.
  h.replays = h.replays + 1
  save()
  return {'REPLAYED', redis.call('GET', record), access_token()}
end

if generation == h.generation then
  if secret_hash == h.current_hash then return go_forward() end -- current
  -- The token is authentic and yet has another secret: the store has lost a rotation.
  return {'REFRESH_TOKEN_INVALID'} -- other-secret
end

if generation > h.generation then
  -- The store has lost a rotation; it goes forward only where it is known to have lost something since, or is
  -- in another run, which no reader of the log has noted yet.
  local is_known_loss = may_have_lost_since(math.max(h.rotated_ms, h.created_ms))
  if generation == h.generation + 1 and is_known_loss then return go_forward() end -- one-ahead-after-loss
  return {'REFRESH_TOKEN_INVALID'} -- ahead
end

local is_predecessor = generation == h.generation - 1
local spent_ms = is_predecessor and h.rotated_ms or h.rotated_before_ms
if came_ms >= spent_ms + h.grace_ms then -- reused
  end_session(id, hashed, h, CAUSE_REUSE, entry_life_ms)
  return {'REFRESH_TOKEN_REUSED', logged()}
end
-- A successor whose provider's token is being exchanged has been presented; and a provider's answer is
-- repeated only while its access token is kept.
local is_held = not is(h, FLAG_PROVIDER) or redis.call('EXISTS', access_key(hashed)) == 1
local is_repeatable = not is(h, FLAG_CONFIRMED) and is_held and h.replays < MAX_REPLAYS
local is_the_same = secret_hash == h.previous_hash and fingerprint == h.fingerprint
if is_predecessor and is_the_same and is_repeatable then return replay() end -- replayed
return {'REFRESH_TOKEN_SUPERSEDED'} -- superseded
