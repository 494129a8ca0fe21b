-- Revokes what a provider's access token names, and ends the sessions of its subject that live by it.
-- provider_session and token_id are empty where the token does not name them; started_ms is since when it
-- counts.
local named = token_id ~= '' and token_id or provider_session
if named == '' then return {0, logged()} end

-- The same logout again, because its answer was lost, ends and logs nothing anew: who has logged in since
-- stays. It is a write all the same: whoever repeats a revocation may wait for its replication.
local mark = PARTITION .. LOGOUT_KEY .. hex(named)
local known_ms = redis.call('GET', mark)
if known_ms and started_ms <= tonumber(known_ms) then
  redis.call('SET', mark, known_ms, 'KEEPTTL')
  return {0, logged()}
end
redis.call('SET', mark, now, 'PX', entry_life_ms)

local ended = 0
if provider_session ~= '' then
  for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local id, hashed = split_member(member)
    local h = read_header(record_key(hashed))
    if h and h.state == STATE_LIVE and h.hashed_provider_session == provider_session then
      if not is_over(h) then ended = ended + 1 end
      end_session(id, hashed, h, cause, entry_life_ms)
    end
  end
  -- Access tokens of the provider's own session may be in use where sessiond has no session.
  revoke_until_now(TYPE_PROVIDER_SESSION, provider_session, now + entry_life_ms)
end
if token_id ~= '' then revoke(TYPE_TOKEN, token_id, now + entry_life_ms) end
return {ended, logged()}
