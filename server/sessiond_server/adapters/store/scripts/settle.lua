-- Gives a lease back after an exchange that brought nothing to keep. The session stays as it is (RELEASE), and a
-- doubt that is doubt_age_ms old (nil for unknown) as old as it is; or it is in doubt now whether its provider's
-- refresh token was spent (DOUBT); or it ends (END): then a refresh token that was brought, sealed (empty for
-- none), is to be revoked together with the stored one.
local h = read_header(record)
-- Whoever held the lease once and holds it no more changes nothing.
local is_leased = h and h.state == STATE_LIVE and is(h, FLAG_LEASED) and h.lease_until_ms > now
if not is_leased or h.lease_holder ~= holder then return {0, logged()} end
if action == 'END' then
  if brought ~= '' then queue_revocation(id, h, brought) end
  end_session(id, hashed, h, cause, entry_life_ms)
  return {1, logged()}
end
clear(h, FLAG_LEASED)
if action == 'DOUBT' and not is(h, FLAG_IN_DOUBT) then
  -- The end of the lease stays, and tells when the exchange began that may have spent the token.
  h.flags = h.flags + FLAG_IN_DOUBT
elseif action == 'RELEASE' and doubt_age_ms then
  h.lease_until_ms = h.lease_until_ms - doubt_age_ms
else
  h.lease_until_ms = 0
end
redis.call('SETRANGE', record, 0, packed(h))
return {1, logged()}
