-- Sets the cutoff of a subject and ends its sessions, except the one that is spared (empty for none). Where
-- there are very many sessions it is called again and again: known_cutoff_ms is the cutoff that an earlier
-- call has set, and 0 at first.

-- The provider's own session, by which the provider's access tokens of the spared session are known.
local spared_provider_session = NO_ID

local function drop_expired_cutoffs()
  local found = redis.call('ZRANGEBYSCORE', CUTOFF_EXPIRIES, '-inf', now, 'LIMIT', 0, CUTOFFS_DROPPED_A_CALL)
  for _, hashed in ipairs(found) do
    redis.call('HDEL', CUTOFFS, hashed)
    redis.call('ZREM', CUTOFF_EXPIRIES, hashed)
  end
end

local function set_cutoff()
  local exception, floor_ms, latest_ms = spared == '' and NO_ID or spared, 0, now
  local known = redis.call('HGET', CUTOFFS, subject)
  if known then
    local known_ms, known_exception, known_floor_ms = struct.unpack(CUTOFF, known)
    -- An exception spares a session only from the cutoff that names it.
    floor_ms = known_exception == exception and known_floor_ms or known_ms
    latest_ms = math.max(now, known_ms)
  end
  if exception == NO_ID then floor_ms = 0 end
  local forget_ms = now + cutoff_life_ms
  redis.call('HSET', CUTOFFS, subject, struct.pack(CUTOFF, latest_ms, exception, floor_ms, forget_ms))
  redis.call('ZADD', CUTOFF_EXPIRIES, forget_ms, subject)
  local expire_ms = now + entry_life_ms
  append(struct.pack(
    ENTRY, TYPE_SUBJECT, subject, latest_ms, expire_ms, exception, spared_provider_session, floor_ms
  ))
  return latest_ms
end

if spared ~= '' then
  local h = read_header(record_key(spared))
  if not h or is_over(h) or h.hashed_subject ~= subject then return {'NOT_OF_SUBJECT'} end
  spared_provider_session = h.hashed_provider_session
end
local cutoff_ms = known_cutoff_ms
if cutoff_ms == 0 then
  drop_expired_cutoffs()
  cutoff_ms = set_cutoff()
end
local ended, seen = 0, 0
for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
  local id, hashed = split_member(member)
  local h = read_header(record_key(hashed))
  if h and h.state == STATE_LIVE and hashed ~= spared and h.created_ms <= cutoff_ms then
    if seen == ENDED_A_CALL then return {'MORE', ended, cutoff_ms, logged()} end
    seen = seen + 1
    if not is_over(h) then ended = ended + 1 end
    end_session(id, hashed, h, cause, entry_life_ms)
  end
end
return {'DONE', ended, cutoff_ms, logged()}
