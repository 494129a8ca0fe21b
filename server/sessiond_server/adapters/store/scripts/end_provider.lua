-- Revokes what a provider's access token names, and ends the sessions of its subject that live by it. KEYS[6]: index.
-- ARGV: hashed provider session or nothing, hashed token id or nothing, cause, life of log entries.
local provider_session, token_id, cause, entry_life_ms = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local ended = 0
if provider_session ~= '' then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
    local hashed = string.sub(member, 17)
    local h = read_header(record_key(hashed))
    if h and h.state == LIVE and h.provider_session == provider_session then
      if not is_over(h) then ended = ended + 1 end
      end_session(string.sub(member, 1, 16), hashed, h, cause, entry_life_ms)
    end
  end
  if ended == 0 then
    append(struct.pack(ENTRY, PROVIDER_SESSION, provider_session, FOREVER_MS, now + entry_life_ms, NO_ID, NO_ID, 0))
  end
end
if token_id ~= '' then
  append(struct.pack(ENTRY, TOKEN, token_id, FOREVER_MS, now + entry_life_ms, NO_ID, NO_ID, 0))
end
return {ended, logged()}
