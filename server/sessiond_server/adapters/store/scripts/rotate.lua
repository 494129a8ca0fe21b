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

local function access_token()
  return is(h, FLAG_PROVIDER) and redis.call('GET', access_key(hashed))
end

local function rotate()
  if generation >= MAX_GENERATION then -- last
    end_session(id, hashed, h, CAUSE_GENERATIONS_EXHAUSTED, entry_life_ms)
    return {'SESSION_LIFETIME_EXCEEDED', logged()}
  end
  clear(h, FLAG_CONFIRMED)
  -- An exchange ahead of its need goes on meanwhile: nobody else is to send the token that it has sent.
  local lease_until_ms = h.lease_until_ms
  advance(h, generation, secret_hash, fingerprint, pepper_id, rotation_salt, successor_hash)
  h.lease_until_ms = lease_until_ms
  save()
  return {'ROTATED', redis.call('GET', record), access_token()}
end

-- Whether the provider's access token has enough life left to be handed out again, and the refresh token more
-- than that: one that goes first has to be exchanged while it lives. That the issuer is among them, is_readable
-- has told.
local function access_is_fresh()
  local at = entry_of(reuse_above, REUSE_ABOVE_BYTES, h.hashed_issuer)
  local _, above_ms = struct.unpack(REUSE_ABOVE, reuse_above, at)
  local life_ms = redis.call('PTTL', access_key(hashed))
  local is_outlived = h.provider_expire_ms == 0 or h.provider_expire_ms > now + life_ms
  return above_ms > 0 and life_ms > above_ms and is_outlived
end

-- There is one exchange at a time: everybody else waits for whoever holds the lease.
local function lease()
  local is_anothers = is(h, FLAG_LEASED) and h.lease_holder ~= holder
  if is_anothers and h.lease_until_ms > now then return {'BUSY'} end -- busy
  if h.hold_until_ms > now then return {'HELD'} end -- held
  -- Another call's lease has run out: nobody knows what became of its exchange.
  local in_doubt = is_anothers or is(h, FLAG_IN_DOUBT)
  -- Of several exchanges that may have spent the token, nobody knows when the first began; nor of one that began
  -- ahead of a clock that was set back.
  local is_first = not (is_anothers and is(h, FLAG_IN_DOUBT)) and h.lease_until_ms > 0
  local age_ms = now - (h.lease_until_ms - LEASE_MS)
  local doubt_age_ms = in_doubt and is_first and age_ms >= 0 and age_ms
  h.flags = FLAG_PROVIDER + FLAG_LEASED + FLAG_CONFIRMED + (in_doubt and FLAG_IN_DOUBT or 0)
  h.lease_until_ms, h.lease_holder, h.lease_number = now + LEASE_MS, holder, h.lease_number + 1
  save()
  local refresh = redis.call('GET', refresh_key(hashed))
  return {'LEASED', redis.call('GET', record), refresh, in_doubt and 1 or 0, doubt_age_ms} -- leased
end

local function go_forward()
  if not is_readable(record, hashed, h, sealing_ids, reuse_above) then return {'UNREADABLE'} end -- unreadable
  if not is(h, FLAG_PROVIDER) or generation >= MAX_GENERATION or access_is_fresh() then return rotate() end
  return lease()
end

-- The times at which the store could not be used, by their beginning: those of all servers that are kept here,
-- the one that goes on until now, and those that whoever asks had alone.
local function all_outages()
  local found, raw = {}, (redis.call('GET', outages) or '') .. own_outages
  for at = 1, #raw, OUTAGE_BYTES do
    local began_ms, ended_ms = struct.unpack(OUTAGE, raw, at)
    found[#found + 1] = {began_ms = began_ms, ended_ms = ended_ms}
  end
  local seen_ms = tonumber(redis.call('GET', seen) or now)
  if now - seen_ms >= OUTAGE_MS then found[#found + 1] = {began_ms = seen_ms, ended_ms = now} end
  table.sort(found, function(a, b) return a.began_ms < b.began_ms end)
  return found
end

-- For how long the window of a token was paused that was spent at spent_ms and whose grace ended at closes_ms:
-- whoever presented it, and lost the answer to an outage that began within the grace, could not ask again. A
-- bound session, and one without a grace, is not to have a longer window than was said.
local function paused(spent_ms, closes_ms)
  if h.grace_ms == 0 or h.confirmation ~= NOT_BOUND then return 0 end
  local found_ms, counted_to_ms = 0, spent_ms
  for _, outage in ipairs(all_outages()) do
    if outage.began_ms < closes_ms and outage.ended_ms > counted_to_ms then
      found_ms = found_ms + outage.ended_ms - math.max(outage.began_ms, counted_to_ms)
      counted_to_ms = outage.ended_ms
    end
  end
  return math.min(found_ms, longest_pause_ms)
end

local function replay(pause_ms)
  if not is_readable(record, hashed, h, sealing_ids, reuse_above) then return {'UNREADABLE'} end
  -- Other servers need not know of the outage.
  h.window_pause_ms = math.max(h.window_pause_ms, pause_ms)
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
local closes_ms, pause_ms = spent_ms + h.grace_ms, 0
if came_ms >= closes_ms then
  pause_ms = math.max(paused(spent_ms, closes_ms), is_predecessor and h.window_pause_ms or 0)
end
if came_ms >= closes_ms + pause_ms then -- reused
  end_session(id, hashed, h, CAUSE_REUSE, entry_life_ms)
  return {'REFRESH_TOKEN_REUSED', logged()}
end
-- A successor whose provider's token is being exchanged has been presented; and a provider's answer is
-- repeated only while its access token is kept.
local is_held = not is(h, FLAG_PROVIDER) or redis.call('EXISTS', access_key(hashed)) == 1
local is_repeatable = not is(h, FLAG_CONFIRMED) and is_held and h.replays < MAX_REPLAYS
local is_the_same = secret_hash == h.previous_hash and fingerprint == h.fingerprint
if is_predecessor and is_the_same and is_repeatable then return replay(pause_ms) end -- replayed
return {'REFRESH_TOKEN_SUPERSEDED', false, pause_ms} -- superseded
