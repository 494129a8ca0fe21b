-- Uses up a proof, and remembers that for as long as anybody may take it; 0 if it was used before, or is too old.
-- Both are told by this one clock: what is forgotten is refused.
if good_until_ms <= now then return 0 end
return redis.call('SET', proof, '', 'NX', 'PXAT', good_until_ms) and 1 or 0
