-- Sets the cutoff of a subject and ends its sessions, except the one that is spared (empty for none). Where
-- there are very many sessions it is called again and again: known_cutoff_ms is the cutoff that the first call
-- has set, and 0 at first; from_ms (nil at first) and from_id are the place where the last one stopped.

-- The provider's own session, by which the provider's access tokens of the spared session are known.
local spared_provider_session = NO_ID

local first = from_ms and members_before(index, from_ms, from_id) or 0
local members, next_ms, next_id = page_of(index, first)

-- The sessions of the subject among those members that are not spared.
local function others()
  local sessions, strangers = sessions_among(members, subject)
  local found = {}
  for _, session in ipairs(sessions) do
    if session.hashed ~= spared then found[#found + 1] = session end
  end
  return found, strangers
end

-- Whether a cutoff that stands since this very second hits what a new one would, because tokens count in
-- seconds: then it is not logged again. A login right behind a cutoff is put after it, by a millisecond that
-- the clock may not have reached yet; and where there are more sessions than are looked at, one may have begun.
local function is_standing(known_ms, sessions)
  if next_ms then return false end
  for _, session in ipairs(sessions) do
    if session.h.created_ms > known_ms then return false end
  end
  return known_ms >= now - now % SECOND_MS
end

-- It is written in any case: whoever repeats a revocation may wait for its replication.
local function set_cutoff(sessions)
  local exception, floor_ms, latest_ms, stands = spared == '' and NO_ID or spared, 0, now, false
  local known = redis.call('HGET', CUTOFFS, subject)
  if known then
    local known_ms, known_exception, known_floor_ms = struct.unpack(CUTOFF, known)
    stands = known_exception == exception and is_standing(known_ms, sessions)
    -- An exception spares a session only from the cutoff that names it.
    floor_ms = known_exception == exception and known_floor_ms or known_ms
    latest_ms = math.max(now, known_ms)
  end
  if exception == NO_ID then floor_ms = 0 end
  -- Later calls tell by the cutoff what had begun, of which some may have begun ahead of the clock.
  if next_ms then latest_ms = math.max(latest_ms, tonumber(redis.call('GET', last_login) or 0)) end
  keep_cutoff(subject, latest_ms, exception, floor_ms, now + cutoff_life_ms)
  if not stands then
    local expire_ms = now + entry_life_ms
    append(struct.pack(
      ENTRY, TYPE_SUBJECT, subject, latest_ms, expire_ms, exception, spared_provider_session, floor_ms
    ))
  end
  return latest_ms
end

-- Of all sessions that began before the cutoff the spared one alone goes on, with what of its provider's it
-- lives by. What began since is not hit: the provider's session is revoked up to the cutoff.
only_sharers = {}
for _, of_provider in ipairs(spared ~= '' and read_shared(record_key(spared)) or {}) do
  only_sharers[of_provider] = {[spared] = true}
end

if spared ~= '' and known_cutoff_ms == 0 then
  local h = read_header(record_key(spared))
  if not h or is_over(h) or h.hashed_subject ~= subject then return {'NOT_OF_SUBJECT'} end
  spared_provider_session = h.hashed_provider_session
end
local sessions, strangers = others()
local cutoff_ms = known_cutoff_ms
if cutoff_ms == 0 then
  if not redis.call('HGET', CUTOFFS, subject) and log_is_full() then return refusal_of_full_log() end
  drop_expired_cutoffs()
  cutoff_ms = set_cutoff(sessions)
end
begun_until_ms = cutoff_ms
local ended = 0
for _, session in ipairs(sessions) do
  -- The first call ends all that it looks at, and the others leave what has begun since.
  if known_cutoff_ms == 0 or session.h.created_ms <= cutoff_ms then
    if not is_over(session.h) then ended = ended + 1 end
    end_session(session.id, session.hashed, session.h, cause, entry_life_ms)
  end
end
if not next_ms then return {'DONE', ended, cutoff_ms, strangers, logged()} end
return {'MORE', ended, cutoff_ms, strangers, logged(), next_ms, next_id}
