-- Ends one session. What has ended stays as it ended. What is unknown stays unknown, unless the store must have
-- lost it, because a token of it was proven, or may have: it is known to have lost something while tokens lived
-- that may be of this session. Then its record is the tombstone. The answer has the header of what has ended, by
-- which its subject is known, and its provider's session, which ended with it.
local h = read_header(record)
if not h then
  if is_proven == 1 or may_have_lost_since(now - entry_life_ms) then
    if log_is_full() then return refusal_of_full_log() end
    redis.call('SET', record, tombstone, 'PXAT', now + entry_life_ms)
    revoke(TYPE_SESSION, hashed, now + entry_life_ms)
  end
  return {0, '', logged()}
end
if h.state ~= STATE_LIVE then
  -- This changes nothing, but it is a write: whoever repeats a revocation may wait for its replication.
  redis.call('SETRANGE', record, 0, packed(h))
  return {0, packed(h), logged()}
end
if log_is_full() then return refusal_of_full_log() end
local was_over = is_over(h) or is_revoked(h, hashed)
end_session(id, hashed, h, cause, entry_life_ms)
return {was_over and 0 or 1, packed(h), logged()}
