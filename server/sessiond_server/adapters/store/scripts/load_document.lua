-- A sealed document that some server has kept.
return redis.call('GET', document)
