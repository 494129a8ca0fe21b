-- One record, if its session is live.
local h = read_header(record)
if not h or is_over(h) or is_revoked(h, hashed) then return false end
return redis.call('GET', record)
