-- Ends one session. What is unknown stays unknown, and what has ended stays as it ended.
local h = read_header(record)
if not h then return {0, logged()} end
if h.state ~= STATE_LIVE then
  -- This changes nothing, but it is a write: whoever repeats a revocation may wait for its replication.
  redis.call('SETRANGE', record, 0, packed(h))
  return {0, logged()}
end
local was_over = is_over(h)
end_session(id, hashed, h, cause, entry_life_ms)
return {was_over and 0 or 1, logged()}
