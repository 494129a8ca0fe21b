-- A sealed document that some server has kept, and when it was last ordered to fetch its like anew.
return {tonumber(redis.call('GET', order)) or 0, redis.call('GET', document) or nil}
