-- Keeps a sealed document for other servers, for as long as it is of use.
redis.call('SET', document, sealed, 'PX', life_ms)
return 1
