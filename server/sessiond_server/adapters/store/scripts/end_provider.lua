-- Revokes what a provider's access token names, and ends the sessions of its subject that live by it: those
-- of its provider's session, and those that were given this very token. provider_session and token_id are
-- empty where the token does not name them; started_ms is since when it counts. Only sessions of `clients`
-- end.
local named = token_id ~= '' and token_id or provider_session
if named == '' then return {0, 0, logged(), ''} end

-- The same logout again, because its answer was lost, ends and logs nothing anew: who has logged in since
-- stays. It is a write all the same: whoever repeats a revocation may wait for its replication. A logout that
-- may end the sessions of some clients alone is not one of all.
local of_all = PARTITION .. LOGOUT_KEY .. hex(named)
local mark = clients == '' and of_all or of_all .. ':' .. redis.sha1hex(clients)
for _, known in ipairs({of_all, mark}) do
  local known_ms = redis.call('GET', known)
  if known_ms and started_ms <= tonumber(known_ms) then
    redis.call('SET', known, known_ms, 'KEEPTTL')
    return {0, 0, logged(), ''}
  end
end
if log_is_full() then return refusal_of_full_log() end
redis.call('SET', mark, now, 'PX', entry_life_ms)

local function lives_by_it(session)
  local shared = session.h.hashed_provider_session
  if provider_session ~= '' and shared == provider_session then return true end
  local ids = packed_token_ids(session.hashed, session.h)
  return token_id ~= '' and entry_of(ids, TOKEN_ID_BYTES, token_id) ~= nil
end

local ended, ended_ids = 0, ''
local sessions, strangers = sessions_among(redis.call('ZRANGE', index, 0, -1), subject)
for _, session in ipairs(sessions) do
  if is_of(session.h, clients) and lives_by_it(session) then
    if not is_over(session.h) then ended, ended_ids = ended + 1, ended_ids .. session.id end
    end_session(session.id, session.hashed, session.h, cause, entry_life_ms)
  end
end
-- Access tokens of the provider's own session may be in use where sessiond has no session. Where another
-- client's session lives by it, it goes on.
if provider_session ~= '' and not is_shared(provider_session, subject) then
  revoke_begun(TYPE_PROVIDER_SESSION, provider_session, now + entry_life_ms)
end
if token_id ~= '' then revoke(TYPE_TOKEN, token_id, now + entry_life_ms) end
return {ended, strangers, logged(), ended_ids}
