-- Ends one session. KEYS[6]: record. ARGV: id, hashed id, cause, life of log entries.
local h = read_header(KEYS[6])
if not h then return {0, logged()} end
if h.state ~= LIVE then
  -- Changes nothing, but is a write: whoever repeats a revocation may wait for its replication.
  redis.call('SETRANGE', KEYS[6], 1, string.char(ENDED))
  return {0, logged()}
end
local was_over = is_over(h)
end_session(ARGV[2], ARGV[3], h, tonumber(ARGV[4]), tonumber(ARGV[5]))
return {was_over and 0 or 1, logged()}
