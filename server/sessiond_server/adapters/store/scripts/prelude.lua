-- Stands before every script. KEYS: head, log, marks, mark expiries, changed; then what the script names itself.
-- ARGV[1]: 16 random bytes, the incarnation of a log that has to be begun.
-- A script also touches records and indexes whose names it learns from records and indexes: they are in the same slot.
local HEAD, LOG, MARKS, MARK_EXPIRIES, CHANGED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local LIVE, ENDED = 1, 2
local SESSION, PROVIDER_SESSION, TOKEN, SUBJECT = 1, 2, 3, 4
local UPSTREAM, LEASED, CONFIRMED, IN_DOUBT = 1, 2, 4, 8
local TOKEN_ID_BYTES, MAX_TO_REVOKE = 24, 10000
-- The largest number that a double counts exactly: every token, whenever issued.
local FOREVER_MS = 9007199254740991
local DAY_MS = 86400000
local NO_ID = string.rep('\0', 16)
local ENTRY = '>Bc16I8I8c16c16I8'
local MARK = '>I8c16I8I8'
local PARTITION = string.sub(HEAD, 1, -5)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function hex(raw)
  return (string.gsub(raw, '.', function(c) return string.format('%02x', string.byte(c)) end))
end

local function record_key(hashed)
  return PARTITION .. 's:' .. hex(hashed)
end

-- Where the provider's refresh token and access token of a session are, sealed.
local function refresh_key(hashed)
  return PARTITION .. 'r:' .. hex(hashed)
end

local function access_key(hashed)
  return PARTITION .. 'a:' .. hex(hashed)
end

local function index_key(subject_mark)
  return PARTITION .. 'u:' .. hex(subject_mark)
end

-- The log's end: number, tag, incarnation. Entries without a head belong to no history.
local function open_log()
  local found = redis.call('HMGET', HEAD, 'n', 'tag', 'incarnation')
  if found[1] then return tonumber(found[1]), found[2], found[3] end
  redis.call('DEL', LOG)
  redis.call('HSET', HEAD, 'n', 0, 'tag', '', 'incarnation', ARGV[1], 'birth_ms', now, 'trimmed_to', 0, 'trimmed_tag', '')
  return 0, '', ARGV[1]
end

local appended = {}

local function append(entry)
  local n, tag = open_log()
  n, tag = n + 1, string.sub(redis.sha1hex(tag .. entry), 1, 16)
  redis.call('XADD', LOG, n .. '-0', 'e', entry, 't', tag)
  redis.call('HSET', HEAD, 'n', n, 'tag', tag)
  appended[#appended + 1] = entry
end

-- What this script appended, and where the log ends behind it.
local function logged()
  local n, tag, incarnation = open_log()
  return {appended, incarnation, n, tag}
end

-- When a record may go: a day after it ceased to open anything, so that a timeout can be told from an unknown token.
local function keep_until(h)
  return math.min(h.idle_expire_ms, h.absolute_expire_ms) + DAY_MS
end

local function is(h, flag)
  return math.floor(h.flags / flag) % 2 == 1
end

local function clear(h, flag)
  if is(h, flag) then h.flags = h.flags - flag end
end

-- Hands a provider's refresh token to whichever server revokes it there.
local function queue_revocation(id, h, sealed)
  local queue = PARTITION .. 'torevoke'
  if redis.call('LLEN', queue) < MAX_TO_REVOKE then
    redis.call('RPUSH', queue, struct.pack('>I8', now) .. id .. h.issuer_mark .. sealed)
  end
end

-- Logs what a provider's access tokens of the session are revoked by, and lets go of the provider's tokens.
local function end_upstream(id, hashed, h, expire_ms)
  if h.provider_session ~= NO_ID then
    append(struct.pack(ENTRY, PROVIDER_SESSION, h.provider_session, FOREVER_MS, expire_ms, NO_ID, NO_ID, 0))
  end
  local last = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids - 1
  local ids = redis.call('GETRANGE', record_key(hashed), HEADER_BYTES, last)
  for at = 1, #ids, TOKEN_ID_BYTES do
    append(struct.pack(ENTRY, TOKEN, string.sub(ids, at, at + 15), FOREVER_MS, expire_ms, NO_ID, NO_ID, 0))
  end
  local sealed = redis.call('GET', refresh_key(hashed))
  if sealed then queue_revocation(id, h, sealed) end
  redis.call('DEL', refresh_key(hashed), access_key(hashed))
end

-- Leaves the tombstone, which outlives every access token that the log entry is to hit.
local function end_session(id, hashed, h, cause, entry_life_ms)
  if is(h, UPSTREAM) then end_upstream(id, hashed, h, now + entry_life_ms) end
  h.state, h.cause, h.flags, h.token_ids = ENDED, cause, 0, 0
  redis.call('SET', record_key(hashed), packed(h), 'PXAT', math.max(keep_until(h), now + entry_life_ms))
  redis.call('ZREM', index_key(h.subject_mark), id .. hashed)
  append(struct.pack(ENTRY, SESSION, hashed, FOREVER_MS, now + entry_life_ms, NO_ID, NO_ID, 0))
end

-- Up to when sessions have been revoked as part of something larger: the latest mark that applies, 0 if none does.
local function marked_until(h, hashed)
  local latest = 0
  local marks = redis.call('HMGET', MARKS, h.subject_mark, h.tenant_mark, h.client_mark, h.issuer_mark)
  for i = 1, 4 do
    if marks[i] then
      local mark_ms, spared, floor_ms = struct.unpack(MARK, marks[i])
      latest = math.max(latest, spared == hashed and floor_ms or mark_ms)
    end
  end
  return latest
end

local function is_over(h)
  return h.state ~= LIVE or now >= h.idle_expire_ms or now >= h.absolute_expire_ms
end
