-- The live sessions of a subject that are of `clients`, the latest absolute expiry first. after_ms (nil for
-- the first page) and after_id say which session was the last one seen. It looks at a part of them a call: where
-- it stopped before the end and the limit, the answer says behind which session.
local ahead = after_ms and members_before(index, after_ms, after_id) or redis.call('ZCARD', index)
local first = math.max(0, ahead - MEMBERS_A_CALL)
local members = ahead > 0 and redis.call('ZRANGE', index, first, ahead - 1, 'WITHSCORES') or {}
local found = {}
for i = #members - 1, 1, -2 do
  local id, hashed = split_member(members[i])
  local h = read_header(record_key(hashed))
  if h and is_of(h, clients) and not is_over(h) and not is_revoked(h, hashed) then
    found[#found + 1] = {id, redis.call('GET', record_key(hashed))}
    if #found == limit then return {found} end
  end
end
if first == 0 then return {found} end
local id = split_member(members[1])
return {found, tonumber(members[2]), id}
