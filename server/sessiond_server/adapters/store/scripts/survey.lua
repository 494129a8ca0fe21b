-- Looks at sessions of a subject, the earliest absolute expiry first: drops those that are over from its index,
-- and tells the others and when they were last used. It looks at a part of them a call: from_ms (nil at first)
-- and from_id are the place where an earlier call stopped.
local first = from_ms and members_before(index, from_ms, from_id) or redis.call('ZCOUNT', index, '-inf', now)
local members, next_ms, next_id = page_of(index, first)
local dropped, live = 0, {}
for _, member in ipairs(members) do
  local _, hashed = split_member(member)
  local h = read_header(record_key(hashed))
  if not h or is_over(h) or is_revoked(h, hashed) then
    dropped = dropped + redis.call('ZREM', index, member)
  elseif h.hashed_subject == subject then
    live[#live + 1] = struct.pack(CANDIDATE, member, last_used_ms(h))
  end
end
return {dropped, live, next_ms, next_id}
