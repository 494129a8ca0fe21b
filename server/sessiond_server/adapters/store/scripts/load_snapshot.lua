-- A manifest, or a part of a snapshot, and how long it is still kept.
return {redis.call('PTTL', part), redis.call('GET', part)}
