-- Writes again what the store has lost and a server still knows: entries of the log, one behind the other,
-- with what scripts go by beside the log. It does so only where the log ends where that server has read it to,
-- so that nothing is written twice, however many servers know the same. No entries say that this server knows
-- of nothing else that was lost when the log began.
local head_n, head_tag, incarnation = open_log()
if incarnation ~= known_incarnation or head_n ~= known_number or head_tag ~= known_tag then
  return {'MOVED'}
end

if entries == '' then redis.call('HDEL', HEAD, 'born_ms') end

local function session_id_of(hashed, h)
  for _, member in ipairs(redis.call('ZRANGE', index_key(h.hashed_subject), 0, -1)) do
    local id, of = split_member(member)
    if of == hashed then return id end
  end
  return NO_ID
end

-- What has a tombstone keeps it, and is logged all the same: the server has read the whole log, and did not
-- find it there. A live session is logged by its end.
local function restore_session(entry, hashed, expire_ms)
  local h = read_header(record_key(hashed))
  if h and h.state == STATE_LIVE then
    end_session(session_id_of(hashed, h), hashed, h, cause, math.max(entry_life_ms, expire_ms - now))
    return
  end
  if not h then redis.call('SET', record_key(hashed), tombstone, 'PXAT', expire_ms) end
  append(entry)
end

-- The later cutoff remains; whom it spares it spares only behind the earlier one, unless that spares the
-- same.
local function restore_cutoff(hashed, cutoff_ms, exception, floor_ms, expire_ms)
  local forget_ms = math.max(expire_ms, now + cutoff_life_ms)
  local known = redis.call('HGET', CUTOFFS, hashed)
  if known then
    local known_ms, known_exception, known_floor_ms, known_forget_ms = struct.unpack(CUTOFF, known)
    local is_the_same = known_exception == exception
    forget_ms = math.max(forget_ms, known_forget_ms)
    if known_ms > cutoff_ms then
      floor_ms = math.max(known_floor_ms, is_the_same and floor_ms or cutoff_ms)
      cutoff_ms, exception = known_ms, known_exception
    else
      floor_ms = math.max(floor_ms, is_the_same and known_floor_ms or known_ms)
    end
  end
  keep_cutoff(hashed, cutoff_ms, exception, floor_ms, forget_ms)
end

for at = 1, #entries, ENTRY_BYTES do
  local entry = string.sub(entries, at, at + ENTRY_BYTES - 1)
  local type, hashed, cutoff_ms, expire_ms, exception, _, floor_ms = struct.unpack(ENTRY, entry)
  if expire_ms > now then
    if type == TYPE_SESSION then
      restore_session(entry, hashed, expire_ms)
    else
      if type ~= TYPE_TOKEN then restore_cutoff(hashed, cutoff_ms, exception, floor_ms, expire_ms) end
      append(entry)
    end
  end
end
return {'DONE', logged()}
