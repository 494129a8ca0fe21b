-- Stands before every script. KEYS: head, log, marks, mark expiries, changed; then what the script names itself.
-- ARGV[1]: 16 random bytes, the incarnation of a log that has to be begun.
-- A script also touches records and indexes whose names it learns from records and indexes: they are in the same slot.
local HEAD, LOG, MARKS, MARK_EXPIRIES, CHANGED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local LIVE, ENDED = 1, 2
local SESSION, SUBJECT = 1, 4
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

-- Leaves the tombstone, which outlives every access token that the log entry is to hit.
local function end_session(id, hashed, h, cause, entry_life_ms)
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
