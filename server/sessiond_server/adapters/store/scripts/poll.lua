-- A stretch of the log that follows the reader's last entry, or the log's start where that entry is not of
-- this history, and why it is not; and what the store's clock shows. Beside it stands which run of the store
-- this is, whether that is the one that was noted, when a loss was noted last (0 for never), how the store
-- stands, when the log began, which is 0 once somebody has made up for what was lost then, and how many
-- entries follow this stretch.
local head_n, head_tag, incarnation = open_log()
local trimmed = redis.call('HMGET', HEAD, 'trimmed_to', 'trimmed_tag')
local trimmed_to, trimmed_tag = tonumber(trimmed[1]), trimmed[2]

local function tag_at(n)
  if n == head_n then return head_tag end
  if n == trimmed_to then return trimmed_tag end
  local entry = redis.call('XRANGE', LOG, n .. '-0', n .. '-0')[1]
  return entry and entry[2][4]
end

local from, tag = known_number, known_tag

-- The tag tells apart two histories that have the same numbers and different entries, as after the promotion
-- of a replica.
local function broken_by()
  if known_incarnation == NO_ID then return 'NOTHING_KNOWN' end
  if known_incarnation ~= incarnation then return 'INCARNATION' end
  if from > head_n then return 'REGRESSED' end
  if from < trimmed_to then return 'TRIMMED' end
  return tag_at(from) ~= tag and 'DIVERGED' or ''
end

local broken = broken_by()
if broken ~= '' then from, tag = trimmed_to, trimmed_tag end
local entries = {}
if from < head_n then
  for _, entry in ipairs(redis.call('XRANGE', LOG, '(' .. from .. '-0', '+', 'COUNT', ENTRIES_A_PAGE)) do
    entries[#entries + 1] = entry[2][2]
    from, tag = from + 1, entry[2][4]
  end
end
local run = this_run()
local is_noted = redis.call('HGET', HEAD, 'run') == run
local changed_ms = tonumber(redis.call('GET', CHANGED) or 0)
local is_primary, is_replicated = standing()
local born_ms = tonumber(redis.call('HGET', HEAD, 'born_ms') or 0)
return {
  entries, incarnation, from, tag, broken, from == head_n and 1 or 0, now,
  run, is_noted and 1 or 0, changed_ms, is_primary and 1 or 0, is_replicated and 1 or 0, born_ms,
  head_n - from,
}
