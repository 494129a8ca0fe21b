-- Gives out the lease on an exchange at a provider that no call waits for, before the access token of a
-- session ends that is in use. It is not due where the access token lives for longer than within_ms, which
-- somebody else may have seen to; and not where it could disturb: where a spent refresh token may still be
-- answered with the same access token, another call has the lease, or an exchange was left in doubt or is to
-- wait.
local h = read_header(record)
if not h or is_over(h) or is_revoked(h, hashed) or not is(h, FLAG_PROVIDER) then return {'NOT_DUE'} end
local is_anothers = is(h, FLAG_LEASED) and h.lease_holder ~= holder
if is_anothers or is(h, FLAG_IN_DOUBT) or h.hold_until_ms > now then return {'NOT_DUE'} end
if now <= last_used_ms(h) + h.grace_ms then return {'NOT_DUE'} end
local left_ms = redis.call('PTTL', access_key(hashed))
if left_ms <= 0 or left_ms > within_ms then return {'NOT_DUE'} end
if not is_readable(record, hashed, h, sealing_ids, reuse_above) then return {'NOT_DUE'} end
if not is(h, FLAG_LEASED) then h.flags = h.flags + FLAG_LEASED end
h.lease_until_ms, h.lease_holder, h.lease_number = now + LEASE_MS, holder, h.lease_number + 1
redis.call('SETRANGE', record, 0, packed(h))
return {'LEASED', redis.call('GET', record), redis.call('GET', refresh_key(hashed)), 0}
