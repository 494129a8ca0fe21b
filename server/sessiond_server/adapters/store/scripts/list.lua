-- The live sessions of a subject that are of `clients`, the latest absolute expiry first. after_ms (nil for
-- the first page) and after_id say which session was the last one seen.
local found = {}
local members = redis.call('ZREVRANGE', index, 0, -1, 'WITHSCORES')
for i = 1, #members, 2 do
  local id, hashed = split_member(members[i])
  local score = tonumber(members[i + 1])
  local is_behind = not after_ms or score < after_ms or (score == after_ms and id < after_id)
  local h = is_behind and read_header(record_key(hashed))
  if h and is_of(h, clients) and not is_over(h) and not is_revoked(h, hashed) then
    found[#found + 1] = {id, redis.call('GET', record_key(hashed))}
    if #found == limit then break end
  end
end
return found
