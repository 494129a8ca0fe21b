-- The live sessions of a subject, latest absolute expiry first. KEYS[6]: index.
-- ARGV: how many, then the last one seen: absolute expiry (nothing for the first page) and id.
local limit, after_ms, after_id = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local found = {}
local members = redis.call('ZREVRANGE', KEYS[6], 0, -1, 'WITHSCORES')
for i = 1, #members, 2 do
  local id, hashed, score = string.sub(members[i], 1, 16), string.sub(members[i], 17), tonumber(members[i + 1])
  local is_behind = not after_ms or score < after_ms or (score == after_ms and id < after_id)
  local h = is_behind and read_header(record_key(hashed))
  if h and not is_over(h) and h.created_ms > marked_until(h, hashed) then
    found[#found + 1] = {id, redis.call('GET', record_key(hashed))}
    if #found == limit then break end
  end
end
return found
