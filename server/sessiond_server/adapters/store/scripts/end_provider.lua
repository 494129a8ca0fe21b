-- Revokes what a provider's access token names, and ends the sessions of its subject that live by it.
-- provider_session and token_id are empty where the token does not name them.
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
  revoke(TYPE_PROVIDER_SESSION, provider_session, now + entry_life_ms)
end
if token_id ~= '' then revoke(TYPE_TOKEN, token_id, now + entry_life_ms) end
return {ended, logged()}
