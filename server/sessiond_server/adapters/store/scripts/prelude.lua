-- What every script can use. Before it stand the names that are made from Python: the script's own keys and
-- arguments (catalogue.py), the keys of its partition (HEAD, LOG, CUTOFFS, CUTOFF_EXPIRIES, CHANGED),
-- new_incarnation, which is 16 random bytes, max_log_entries, the constants, and read_header and packed, which
-- read and write the header of a record.
--
-- A script also touches keys whose names it learns from records and indexes: they are in the same slot.

-- HEAD is this prefix and `head`: what is left without `head` is the hash tag of the partition.
local PARTITION = string.sub(HEAD, 1, -#'head' - 1)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- One call for all bytes: byte by byte, the names of keys would cost more than what is read under them.
local function hex(raw)
  return string.format(string.rep('%02x', #raw), string.byte(raw, 1, -1))
end

local function record_key(hashed)
  return PARTITION .. RECORD_KEY .. hex(hashed)
end

-- Where the provider's refresh token and access token of a session are, sealed.
local function refresh_key(hashed)
  return PARTITION .. REFRESH_KEY .. hex(hashed)
end

local function access_key(hashed)
  return PARTITION .. ACCESS_KEY .. hex(hashed)
end

local function index_key(hashed_subject)
  return PARTITION .. INDEX_KEY .. hex(hashed_subject)
end

-- A member of an index: the session's id, and the hashed id that names its record.
local function split_member(member)
  return string.sub(member, 1, SESSION_ID_BYTES), string.sub(member, SESSION_ID_BYTES + 1)
end

-- How many members of an index stand before this place, which is a score and a session's id. A place stays one
-- when the member goes that stood there. Ids are compared in hex, because Lua compares text as the locale does.
local function members_before(index, score, id)
  local at = string.format('%.0f', score)
  local low, high = redis.call('ZCOUNT', index, '-inf', '(' .. at), redis.call('ZCOUNT', index, '-inf', at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found = split_member(redis.call('ZRANGE', index, middle, middle)[1])
    if hex(found) < hex(id) then low = middle + 1 else high = middle end
  end
  return low
end

-- As many members of an index as one script looks at, from the one on that has `first` before it; and the place
-- of the one behind them, nil at the end.
local function page_of(index, first)
  local found = redis.call('ZRANGE', index, first, first + MEMBERS_A_CALL, 'WITHSCORES')
  local members = {}
  for i = 1, math.min(#found, 2 * MEMBERS_A_CALL), 2 do members[#members + 1] = found[i] end
  if #found <= 2 * MEMBERS_A_CALL then return members end
  local id = split_member(found[#found - 1])
  return members, tonumber(found[#found]), id
end

-- What the store says of itself, section by section. Empty where our user may not ask.
local information = {}
local function told(section, name)
  information[section] = information[section] or redis.pcall('INFO', section)
  local found = information[section]
  return type(found) == 'string' and string.match(found, name .. ':(%w+)') or ''
end

-- Which run of which store this is: another one may have lost what this one had.
local function this_run()
  return told('server', 'run_id') .. told('replication', 'master_replid')
end

-- Whether this is the primary, as far as our user may ask and as a write shows, which changes nothing: a
-- replica that takes writes says what it is, and any other refuses them. Beside it stands whether there are
-- replicas, or were, or should be.
local function standing()
  local written = redis.pcall('HDEL', HEAD, '')
  local refusal = type(written) == 'table' and string.match(written.err, '%u%u%u%u+')
  local connected = tonumber(told('replication', 'connected_slaves')) or 0
  local is_replicated = connected > 0 or refusal == 'NOREPLICAS' or redis.call('EXISTS', REPLICATED) == 1
  return told('replication', 'role') ~= 'slave' and refusal ~= 'READONLY', is_replicated
end

-- The log's end: number, tag, incarnation. Entries without a head belong to no history.
local function open_log()
  local found = redis.call('HMGET', HEAD, 'n', 'tag', 'incarnation')
  if found[1] then return tonumber(found[1]), found[2], found[3] end
  redis.call('DEL', LOG)
  redis.call('HSET', HEAD, 'n', 0, 'tag', '', 'incarnation', new_incarnation)
  redis.call('HSET', HEAD, 'trimmed_to', 0, 'trimmed_tag', '', 'run', this_run(), 'born_ms', now)
  return 0, '', new_incarnation
end

-- Whether the log has as many entries as it may. Whoever is to end something that nobody has ended yet is
-- refused then, before anything is changed; what sessiond ends by itself is logged all the same, and what is
-- live is never dropped.
local function log_is_full()
  return redis.call('XLEN', LOG) >= max_log_entries
end

local function refusal_of_full_log()
  return redis.error_reply('LOG_FULL the revocation log is full')
end

local appended, is_appended = {}, {}

-- Appends an entry to the log, only once in a script however often it is asked to.
local function append(entry)
  if is_appended[entry] then return end
  local n, tag = open_log()
  n, tag = n + 1, string.sub(redis.sha1hex(tag .. entry), 1, CHAIN_TAG_CHARACTERS)
  redis.call('XADD', LOG, n .. '-0', 'e', entry, 't', tag)
  redis.call('HSET', HEAD, 'n', n, 'tag', tag)
  appended[#appended + 1], is_appended[entry] = entry, true
end

-- Logs that every token of this id is revoked, whenever it was issued.
local function revoke(type, hashed, expire_ms)
  append(struct.pack(ENTRY, type, hashed, FOREVER_MS, expire_ms, NO_ID, NO_ID, 0))
end

-- Until when what ends began. An end that takes several scripts counts up to the first of them.
local begun_until_ms = now

-- Logs that the tokens of this id that were issued until then are revoked; a later login opens anew.
local function revoke_begun(type, hashed, expire_ms)
  append(struct.pack(ENTRY, type, hashed, begun_until_ms, expire_ms, NO_ID, NO_ID, 0))
end

-- What this script appended, and where the log ends after it.
local function logged()
  local n, tag, incarnation = open_log()
  return {appended, incarnation, n, tag}
end

-- Whether the store is known to have lost something since then, or is in another run, which no reader of the log
-- has noted yet.
local function may_have_lost_since(since_ms)
  local changed_ms = tonumber(redis.call('GET', CHANGED) or 0)
  return changed_ms > since_ms or redis.call('HGET', HEAD, 'run') ~= this_run()
end

-- When a record may go: a day after it ceased to open anything, so that a timeout can be told from an unknown
-- token.
local function keep_until(h)
  return math.min(h.idle_expire_ms, h.absolute_expire_ms) + DAY_MS
end

-- Where in a string of entries of `size` bytes the one is that begins with this id; nil where there is none.
local function entry_of(entries, size, id)
  for at = 1, #entries, size do
    if string.sub(entries, at, at + #id - 1) == id then return at end
  end
end

local function is(h, flag)
  return math.floor(h.flags / flag) % 2 == 1
end

local function clear(h, flag)
  if is(h, flag) then h.flags = h.flags - flag end
end

-- Whether nothing of an access token can be accepted any more, however much leeway a validator grants.
local function is_long_expired(expire_ms)
  return expire_ms + LONGEST_LEEWAY_MS <= now
end

-- The ids of access tokens that follow the header of a record, packed.
local function packed_token_ids(hashed, h)
  local last = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids - 1
  return redis.call('GETRANGE', record_key(hashed), HEADER_BYTES, last)
end

-- The same ids as a list; is_live says of which nobody can accept the token any more.
local function unpacked_token_ids(raw)
  local found = {}
  for at = 1, #raw, TOKEN_ID_BYTES do
    local hashed, expire_ms = struct.unpack(TOKEN_ID, raw, at)
    found[#found + 1] = {hashed = hashed, expire_ms = expire_ms, is_live = not is_long_expired(expire_ms)}
  end
  return found
end

-- Hands a provider's refresh token to whichever server revokes it there.
local function queue_revocation(id, h, sealed)
  local queue = PARTITION .. QUEUE_KEY
  if redis.call('LLEN', queue) < MAX_QUEUED then
    redis.call('RPUSH', queue, struct.pack(QUEUED, now, id, h.hashed_issuer, h.hashed_client) .. sealed)
  end
end

local function drop_expired_cutoffs()
  local found = redis.call('ZRANGEBYSCORE', CUTOFF_EXPIRIES, '-inf', now, 'LIMIT', 0, CUTOFFS_DROPPED_A_CALL)
  for _, expired in ipairs(found) do
    redis.call('HDEL', CUTOFFS, expired)
    redis.call('ZREM', CUTOFF_EXPIRIES, expired)
  end
end

-- The exception is a session that it spares, unless that began at or before floor_ms; NO_ID for none.
local function keep_cutoff(of, cutoff_ms, exception, floor_ms, forget_ms)
  redis.call('HSET', CUTOFFS, of, struct.pack(CUTOFF, cutoff_ms, exception, floor_ms, forget_ms))
  redis.call('ZADD', CUTOFF_EXPIRIES, forget_ms, of)
end

-- Until when sessions have been revoked as part of something larger: the latest cutoff that applies, 0 if
-- none does.
local function latest_cutoff(h, hashed)
  local latest = 0
  local subject, tenant, client, issuer = h.hashed_subject, h.hashed_tenant, h.hashed_client, h.hashed_issuer
  local shared = h.hashed_provider_session
  for _, cutoff in ipairs(redis.call('HMGET', CUTOFFS, subject, tenant, client, issuer, shared)) do
    if cutoff then
      local cutoff_ms, spared, floor_ms = struct.unpack(CUTOFF, cutoff)
      latest = math.max(latest, spared == hashed and floor_ms or cutoff_ms)
    end
  end
  return latest
end

local function is_revoked(h, hashed)
  return h.state ~= STATE_LIVE or h.created_ms <= latest_cutoff(h, hashed)
end

local function is_over(h)
  return h.state ~= STATE_LIVE or now >= h.idle_expire_ms or now >= h.absolute_expire_ms
end

-- When a session was last used: when it was refreshed, or began. To validate its tokens writes nothing.
local function last_used_ms(h)
  return math.max(h.rotated_ms, h.created_ms)
end

-- The sessions of a subject among these members of its index that have not ended, and how many are somebody
-- else's: nothing is done to those.
local function sessions_among(members, hashed_subject)
  local found, strangers = {}, 0
  for _, member in ipairs(members) do
    local id, hashed = split_member(member)
    local h = read_header(record_key(hashed))
    if h and h.state == STATE_LIVE then
      if h.hashed_subject == hashed_subject then
        found[#found + 1] = {id = id, hashed = hashed, h = h}
      else
        strangers = strangers + 1
      end
    end
  end
  return found, strangers
end

-- Whether a session is of one of these clients, whose hashed ids stand one behind another; empty for all.
local function is_of(h, clients)
  return clients == '' or entry_of(clients, HASHED_ID_BYTES, h.hashed_client) ~= nil
end

-- Adds a session to an index, by its absolute expiry; the index goes a day after its last member. A few of
-- those go now that are over.
local function join(index, h, member)
  local expired = math.min(redis.call('ZCOUNT', index, '-inf', now), MEMBERS_A_CALL)
  if expired > 0 then redis.call('ZREMRANGEBYRANK', index, 0, expired - 1) end
  redis.call('ZADD', index, h.absolute_expire_ms, member)
  redis.call('PEXPIREAT', index, redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] + DAY_MS)
end

-- The index of the sessions that live by the same session or refresh token of a provider.
local function sharers_key(shared)
  return PARTITION .. SHARERS_KEY .. hex(shared)
end

local function join_sharers(shared, h, member)
  if shared ~= NO_ID then join(sharers_key(shared), h, member) end
end

-- Takes note of the provider's refresh token that a session has from now on.
local function note_refresh(id, hashed, h, hashed_refresh)
  if hashed_refresh == h.hashed_refresh then return end
  redis.call('ZREM', sharers_key(h.hashed_refresh), id .. hashed)
  h.hashed_refresh = hashed_refresh
  join_sharers(hashed_refresh, h, id .. hashed)
end

-- The sessions that live by something of a provider's, as they were when a script first asked; whether they
-- are live is judged when it matters. Where nothing says which they are, they are looked for among the
-- subject's. Of very many the latest are looked at alone. Where a script ends all sessions of a subject but
-- one, only_sharers says what that one lives by.
local sharers, only_sharers = {}, nil

local function sharers_of(shared, hashed_subject)
  if only_sharers then return only_sharers[shared] or {} end
  local index = sharers_key(shared)
  if not sharers[index] and redis.call('EXISTS', index) == 0 then index = index_key(hashed_subject) end
  if not sharers[index] then
    sharers[index] = {}
    for _, member in ipairs(redis.call('ZRANGE', index, -MEMBERS_A_CALL, -1)) do
      local _, hashed = split_member(member)
      for _, of_provider in ipairs(read_shared(record_key(hashed))) do
        sharers[index][of_provider] = sharers[index][of_provider] or {}
        sharers[index][of_provider][hashed] = true
      end
    end
  end
  sharers[index][shared] = sharers[index][shared] or {}
  return sharers[index][shared]
end

-- Whether a live session of the subject lives by this. What is found not to be live, or has ended, is not
-- looked at again.
local function is_shared(shared, hashed_subject)
  local found = sharers_of(shared, hashed_subject)
  for hashed in pairs(found) do
    local h = read_header(record_key(hashed))
    local is_live = h and not is_over(h) and not is_revoked(h, hashed)
    if is_live and h.hashed_subject == hashed_subject then return true end
    found[hashed] = nil
  end
  return false
end

-- Whether no other live session lives by this any more, once this one has left.
local function is_last_of(shared, hashed, h)
  sharers_of(shared, h.hashed_subject)[hashed] = nil
  return not is_shared(shared, h.hashed_subject)
end

-- A provider's session that a script revokes by itself, when it has ended all that it is to end.
local revoked_at_last

-- The refresh tokens that a script has queued: many sessions that end together may share one.
local is_queued = {}

-- Revokes everything that a provider's access tokens of the session are known by, and drops the provider's
-- tokens. A provider's session that others live by goes on; then the ids of the access tokens must do. So
-- does a refresh token: a login that was repeated, because its answer was lost, has two sessions by one.
local function end_at_provider(id, hashed, h, expire_ms)
  local provider_session = h.hashed_provider_session
  local is_passed_over = provider_session == NO_ID or provider_session == revoked_at_last
  if not is_passed_over and is_last_of(provider_session, hashed, h) then
    revoke_begun(TYPE_PROVIDER_SESSION, provider_session, expire_ms)
  end
  for _, token in ipairs(unpacked_token_ids(packed_token_ids(hashed, h))) do
    if token.is_live then revoke(TYPE_TOKEN, token.hashed, expire_ms) end
  end
  local sealed = redis.call('GET', refresh_key(hashed))
  if sealed and is_last_of(h.hashed_refresh, hashed, h) and not is_queued[h.hashed_refresh] then
    queue_revocation(id, h, sealed)
    is_queued[h.hashed_refresh] = true
  end
  for _, shared in ipairs({provider_session, h.hashed_refresh}) do
    redis.call('ZREM', sharers_key(shared), id .. hashed)
  end
  redis.call('DEL', refresh_key(hashed), access_key(hashed))
end

-- Leaves the tombstone, which outlives every access token that the log entry is to hit.
local function end_session(id, hashed, h, cause, entry_life_ms)
  if is(h, FLAG_PROVIDER) then end_at_provider(id, hashed, h, now + entry_life_ms) end
  h.state, h.cause, h.flags, h.token_ids = STATE_ENDED, cause, 0, 0
  redis.call('SET', record_key(hashed), packed(h), 'PXAT', math.max(keep_until(h), now + entry_life_ms))
  redis.call('ZREM', index_key(h.hashed_subject), id .. hashed)
  revoke(TYPE_SESSION, hashed, now + entry_life_ms)
end

-- Hands over what an exchange brought for a session that is over. Where that is the token that was sent, because
-- the provider gave no other, whatever ended the session has queued it, and others may live by it.
local function queue_brought(id, hashed, h, sealed_refresh, hashed_refresh)
  local is_new = hashed_refresh ~= h.hashed_refresh
  if is_new or h.state == STATE_LIVE and is_last_of(h.hashed_refresh, hashed, h) then
    queue_revocation(id, h, sealed_refresh)
  end
end

-- Whether whoever asks has the keys, and the issuer, that what is stored of a session was sealed for: nobody
-- is to change a session that it cannot read.
local function is_readable(key, hashed, h, own_keys, own_issuers)
  local login_at = HEADER_BYTES + TOKEN_ID_BYTES * h.token_ids
  local sealed = {redis.call('GETRANGE', key, login_at + 1, login_at + SEALING_ID_BYTES)}
  for _, beside in ipairs({refresh_key(hashed), access_key(hashed)}) do
    sealed[#sealed + 1] = redis.call('GETRANGE', beside, 1, SEALING_ID_BYTES)
  end
  for _, id_of_key in ipairs(sealed) do
    if id_of_key ~= '' and not entry_of(own_keys, SEALING_ID_BYTES, id_of_key) then return false end
  end
  return entry_of(own_issuers, REUSE_ABOVE_BYTES, h.hashed_issuer) ~= nil
end

-- The ids of a session's access tokens that may still be accepted, packed, with a new one (empty for none),
-- and how many these are. Only the latest of them are kept, and those before them are revoked: the session's
-- end would not know them any more. A session that has no provider's session is found by these ids alone, so
-- there those of expired tokens are kept as well.
local function with_token_id(known, h, added, added_expire_ms, entry_life_ms)
  local ids = {}
  for _, token in ipairs(unpacked_token_ids(known)) do
    if token.is_live or h.hashed_provider_session == NO_ID then ids[#ids + 1] = token end
  end
  if added ~= '' then ids[#ids + 1] = {hashed = added, expire_ms = added_expire_ms} end
  local first = math.max(1, #ids - MAX_TOKEN_IDS + 1)
  for i = 1, first - 1 do
    if ids[i].is_live then revoke(TYPE_TOKEN, ids[i].hashed, now + entry_life_ms) end
  end
  local found = {}
  for i = first, #ids do found[#found + 1] = struct.pack(TOKEN_ID, ids[i].hashed, ids[i].expire_ms) end
  return table.concat(found), #found
end

-- Takes note of how long the provider's refresh token is good: without end where that is 0, and as was known
-- before where it is nil.
local function note_refresh_life(h, life_ms)
  if life_ms then h.provider_expire_ms = life_ms > 0 and now + life_ms or 0 end
end

-- How long a session may go unused that was used at `used_ms`: no longer than its provider's refresh token is
-- good.
local function idle_expiry(h, used_ms)
  local latest_ms = math.min(used_ms + h.idle_ms, h.absolute_expire_ms)
  return h.provider_expire_ms > 0 and math.min(latest_ms, h.provider_expire_ms) or latest_ms
end

-- Moves the header to the generation after `generation`: its secret, whose hash is `current_hash`, was
-- derived with the rotation salt `salt` from the secret of the generation before.
local function advance(h, generation, previous_hash, fingerprint, pepper_id, salt, current_hash)
  h.generation, h.previous_hash, h.current_hash = generation + 1, previous_hash, current_hash
  h.pepper_id, h.rotation_salt, h.fingerprint, h.replays = pepper_id, salt, fingerprint, 0
  h.lease_until_ms, h.holds, h.hold_until_ms, h.window_pause_ms = 0, 0, 0, 0
  h.rotated_before_ms, h.rotated_ms = h.rotated_ms, now
  h.idle_expire_ms = idle_expiry(h, now)
end
