-- Gives a lease back after an exchange that brought nothing to keep. KEYS[6]: record.
-- ARGV: id, hashed id, holder, RELEASE, DOUBT or END, cause of an end, life of log entries, a sealed refresh token to be revoked with
-- the stored one, or nothing.
local id, hashed, holder, action, cause, entry_life_ms = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local h = read_header(KEYS[6])
-- Who held it once and holds it no more changes nothing.
if not h or h.state ~= LIVE or not is(h, LEASED) or h.lease_holder ~= holder or h.lease_until_ms <= now then
  return {0, logged()}
end
if action == 'END' then
  if ARGV[8] ~= '' then queue_revocation(id, h, ARGV[8]) end
  end_session(id, hashed, h, cause, entry_life_ms)
  return {1, logged()}
end
clear(h, LEASED)
h.lease_until_ms = 0
if action == 'DOUBT' and not is(h, IN_DOUBT) then h.flags = h.flags + IN_DOUBT end
redis.call('SETRANGE', KEYS[6], 0, packed(h))
return {1, logged()}
