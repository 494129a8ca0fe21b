-- Sets the cutoff of something that many sessions share and logs it: what began at or before it is revoked.
-- not_before_ms is 0 for this moment, and FOREVER_MS where the end is for good, whatever begins later. No index
-- says which sessions there are: each is refused when it is used next.
local wanted_ms = not_before_ms > 0 and not_before_ms or now
local known = redis.call('HGET', CUTOFFS, hashed)
if not known and log_is_full() then return refusal_of_full_log() end
local known_ms = known and struct.unpack(CUTOFF, known) or 0

-- Whether a cutoff that stands since that very second hits what a new one would: tokens of providers count in
-- seconds, and no session has begun here since.
local function is_standing()
  local is_of_this_second = known_ms >= wanted_ms - wanted_ms % SECOND_MS
  return is_of_this_second and known_ms >= tonumber(redis.call('GET', last_login) or 0)
end

local stands, latest_ms = is_standing(), math.max(wanted_ms, known_ms)
local is_for_good = latest_ms == FOREVER_MS
drop_expired_cutoffs()
-- It is written in any case: whoever repeats a revocation may wait for its replication.
keep_cutoff(hashed, latest_ms, NO_ID, 0, is_for_good and FOREVER_MS or now + cutoff_life_ms)
if not stands then
  local expire_ms = is_for_good and FOREVER_MS or now + entry_life_ms
  append(struct.pack(ENTRY, kind, hashed, latest_ms, expire_ms, NO_ID, NO_ID, 0))
end
return {latest_ms, logged()}
