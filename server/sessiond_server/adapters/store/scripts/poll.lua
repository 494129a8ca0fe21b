-- A stretch of the log. ARGV: number, tag and incarnation of the reader's last entry, entries a page.
local head_n, head_tag, incarnation = open_log()
local trimmed = redis.call('HMGET', HEAD, 'trimmed_to', 'trimmed_tag')
local trimmed_to, trimmed_tag = tonumber(trimmed[1]), trimmed[2]

local function tag_at(n)
  if n == head_n then return head_tag end
  if n == trimmed_to then return trimmed_tag end
  local entry = redis.call('XRANGE', LOG, n .. '-0', n .. '-0')[1]
  return entry and entry[2][4]
end

local from, tag = tonumber(ARGV[2]), ARGV[3]
-- The tag tells a history apart that has the same numbers and other entries, as after the promotion of a replica.
local continues = ARGV[4] == incarnation and from <= head_n and tag_at(from) == tag
if not continues then from, tag = trimmed_to, trimmed_tag end
local entries = {}
if from < head_n then
  for _, entry in ipairs(redis.call('XRANGE', LOG, '(' .. from .. '-0', '+', 'COUNT', ARGV[5])) do
    entries[#entries + 1] = entry[2][2]
    from, tag = from + 1, entry[2][4]
  end
end
return {entries, incarnation, from, tag, continues and 1 or 0, from == head_n and 1 or 0, now}
