-- A document that some server has kept. KEYS[6]: document.
return redis.call('GET', KEYS[6])
