-- One record if its session is live. KEYS[6]: record. ARGV: hashed id.
local h = read_header(KEYS[6])
if not h or is_over(h) or h.created_ms <= marked_until(h, ARGV[2]) then return false end
return redis.call('GET', KEYS[6])
