-- Ends sessions of a subject while it has more than it may: those of `candidates`, which stand one behind
-- another, in their order. One that was used since it became a candidate stays. The answer says how many are
-- still too many, and which have ended, their ids one behind another.
local excess = redis.call('ZCOUNT', index, '(' .. now, '+inf') - max_sessions
local ended = ''
for at = 1, #candidates, CANDIDATE_BYTES do
  if excess <= 0 then break end
  local member, used_ms = struct.unpack(CANDIDATE, candidates, at)
  local id, hashed = split_member(member)
  local h = read_header(record_key(hashed))
  if not h or is_over(h) then
    excess = excess - redis.call('ZREM', index, member)
  elseif last_used_ms(h) == used_ms then
    end_session(id, hashed, h, CAUSE_SESSION_LIMIT, entry_life_ms)
    excess, ended = excess - 1, ended .. id
  end
end
return {math.max(0, excess), logged(), ended}
