-- Keeps a sealed document for other servers. KEYS[6]: document. ARGV: the document, how long it is of use.
redis.call('SET', KEYS[6], ARGV[2], 'PX', ARGV[3])
return 1
