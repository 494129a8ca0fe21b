-- Revokes what a provider's access token names, and ends the sessions of its subject that live by it: those
-- of its provider's session, and those that were given this very token. provider_session and token_id are
-- empty where the token does not name them; started_ms is since when it counts. Only sessions of `clients`
-- end. Where the subject has very many sessions it is called again and again: known_begun_ms is until when
-- what ends began, as the first call has said, and 0 at first; from_ms (nil at first) and from_id are the
-- place where the last one stopped.
local BEGUN = 'begun '

local named = token_id ~= '' and token_id or provider_session
if named == '' then return {'DONE', 0, 0, logged(), '', 0} end

-- A logout that may end the sessions of some clients alone is not one of all.
local of_all = PARTITION .. LOGOUT_KEY .. hex(named)
local mark = clients == '' and of_all or of_all .. ':' .. redis.sha1hex(clients)

-- The same logout again, because its answer was lost, ends and logs nothing anew: who has logged in since
-- stays. It is a write all the same: whoever repeats a revocation may wait for its replication.
local function was_carried_out()
  for _, known in ipairs({of_all, mark}) do
    local known_ms = tonumber(redis.call('GET', known))
    if known_ms and started_ms <= known_ms then
      redis.call('SET', known, known_ms, 'KEEPTTL')
      return true
    end
  end
  return false
end

local first = from_ms and members_before(index, from_ms, from_id) or 0
local members, next_ms, next_id = page_of(index, first)

-- Until when what ends began, and whether a logout goes on: one that was not carried out to its end is taken
-- up by whoever comes again. Where there are more sessions than are looked at, some may have begun ahead of
-- the clock.
local function begin()
  local begun_ms = tonumber(string.match(redis.call('GET', mark) or '', BEGUN .. '(%d+)'))
  if begun_ms and started_ms <= begun_ms then return begun_ms, true end
  return next_ms and math.max(now, tonumber(redis.call('GET', last_login) or 0)) or now, false
end

local function lives_by_it(session)
  local shared = session.h.hashed_provider_session
  if provider_session ~= '' and shared == provider_session then return true end
  local ids = packed_token_ids(session.hashed, session.h)
  return token_id ~= '' and entry_of(ids, TOKEN_ID_BYTES, token_id) ~= nil
end

local goes_on = known_begun_ms > 0
begun_until_ms = known_begun_ms
if not goes_on then
  if was_carried_out() then return {'DONE', 0, 0, logged(), '', 0} end
  begun_until_ms, goes_on = begin()
  if not goes_on and log_is_full() then return refusal_of_full_log() end
  if token_id ~= '' then revoke(TYPE_TOKEN, token_id, now + entry_life_ms) end
end
local said = string.format('%.0f', begun_until_ms)
redis.call('SET', mark, next_ms and BEGUN .. said or said, 'PX', entry_life_ms)

revoked_at_last = provider_session
local ended, ended_ids = 0, ''
local sessions, strangers = sessions_among(members, subject)
for _, session in ipairs(sessions) do
  local is_meant = not goes_on or session.h.created_ms <= begun_until_ms
  if is_meant and is_of(session.h, clients) and lives_by_it(session) then
    if not is_over(session.h) then ended, ended_ids = ended + 1, ended_ids .. session.id end
    end_session(session.id, session.hashed, session.h, cause, entry_life_ms)
  end
end
if next_ms then return {'MORE', ended, strangers, logged(), ended_ids, begun_until_ms, next_ms, next_id} end
-- Access tokens of the provider's own session may be in use where sessiond has no session. Where another
-- client's session lives by it, or one that began since, it goes on.
if provider_session ~= '' and not is_shared(provider_session, subject) then
  revoke_begun(TYPE_PROVIDER_SESSION, provider_session, now + entry_life_ms)
end
return {'DONE', ended, strangers, logged(), ended_ids, begun_until_ms}
