-- Drops leading entries of the log that can hit no token any more, a limited number in a call, and says
-- whether there may be more of them. What is revoked for good is appended again instead, so that nothing before
-- what has expired holds it up.
open_log()
local found = redis.call('XRANGE', LOG, '-', '+', 'COUNT', ENTRIES_TRIMMED_A_CALL)
local last, tag, seen, kept, kept_before_last = nil, nil, 0, {}, 0
for _, entry in ipairs(found) do
  local _, _, _, expire_ms = struct.unpack(ENTRY, entry[2][2])
  if expire_ms == FOREVER_MS then
    kept[#kept + 1] = entry[2][2]
  elseif expire_ms > now then
    break
  else
    last, tag, kept_before_last = tonumber(string.match(entry[1], '^%d+')), entry[2][4], #kept
  end
  seen = seen + 1
end
if not last then return 0 end
for i = 1, kept_before_last do append(kept[i]) end
redis.call('XTRIM', LOG, 'MINID', (last + 1) .. '-0')
redis.call('HSET', HEAD, 'trimmed_to', last, 'trimmed_tag', tag)
return seen == ENTRIES_TRIMMED_A_CALL and 1 or 0
