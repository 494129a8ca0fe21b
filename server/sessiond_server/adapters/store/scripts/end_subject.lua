-- Marks a subject and ends its sessions, so many a call. KEYS[6]: index.
-- ARGV: mark id, hashed subject, cause, life of log entries, life of the mark, hashed id of the spared session or nothing, how many
-- to end, and the time of the mark if an earlier call has set it.
local mark_id, hashed_subject, cause, entry_life_ms = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local mark_life_ms, spared, limit, mark_ms = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

-- What a provider's access tokens of the spared session are known by.
local spared_provider_session = NO_ID

local function drop_expired_marks()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', MARK_EXPIRIES, '-inf', now, 'LIMIT', 0, 16)) do
    redis.call('HDEL', MARKS, id)
    redis.call('ZREM', MARK_EXPIRIES, id)
  end
end

local function set_mark()
  local exception, floor_ms, latest_ms = spared == '' and NO_ID or spared, 0, now
  local known = redis.call('HGET', MARKS, mark_id)
  if known then
    local known_ms, known_exception, known_floor_ms = struct.unpack(MARK, known)
    -- An exception shelters only from the mark that names it.
    floor_ms = known_exception == exception and known_floor_ms or known_ms
    latest_ms = math.max(now, known_ms)
  end
  if exception == NO_ID then floor_ms = 0 end
  redis.call('HSET', MARKS, mark_id, struct.pack(MARK, latest_ms, exception, floor_ms, now + mark_life_ms))
  redis.call('ZADD', MARK_EXPIRIES, now + mark_life_ms, mark_id)
  append(struct.pack(ENTRY, SUBJECT, hashed_subject, latest_ms, now + entry_life_ms, exception, spared_provider_session, floor_ms))
  return latest_ms
end

if spared ~= '' then
  local h = read_header(record_key(spared))
  if not h or is_over(h) or h.subject_mark ~= mark_id then return {'NOT_OF_SUBJECT'} end
  spared_provider_session = h.provider_session
end
if mark_ms == 0 then
  drop_expired_marks()
  mark_ms = set_mark()
end
local ended, seen = 0, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
  local hashed = string.sub(member, 17)
  local h = read_header(record_key(hashed))
  if h and h.state == LIVE and hashed ~= spared and h.created_ms <= mark_ms then
    if seen == limit then return {'MORE', ended, mark_ms, logged()} end
    seen = seen + 1
    if not is_over(h) then ended = ended + 1 end
    end_session(string.sub(member, 1, 16), hashed, h, cause, entry_life_ms)
  end
end
return {'DONE', ended, mark_ms, logged()}
