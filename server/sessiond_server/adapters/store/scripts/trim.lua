-- Drops leading entries of the log that can hit no token any more, a limited number in a call, and says
-- whether there may be more of them.
open_log()
local found = redis.call('XRANGE', LOG, '-', '+', 'COUNT', ENTRIES_TRIMMED_A_CALL)
local last, tag, dropped = nil, nil, 0
for _, entry in ipairs(found) do
  local _, _, _, expire_ms = struct.unpack(ENTRY, entry[2][2])
  if expire_ms > now then break end
  last, tag, dropped = tonumber(string.match(entry[1], '^%d+')), entry[2][4], dropped + 1
end
if not last then return 0 end
redis.call('XTRIM', LOG, 'MINID', (last + 1) .. '-0')
redis.call('HSET', HEAD, 'trimmed_to', last, 'trimmed_tag', tag)
return dropped == ENTRIES_TRIMMED_A_CALL and 1 or 0
