package verdicts

import "time"

// put makes room, and keeps an entry; c.mu is held, as for all that follows.
func (c *Cache[V]) put(e *entry[V], now time.Duration) {
	s := c.shard(e.key)
	if before := s.find(e.key); before != nil {
		c.remove(before)
	}
	s.mu.Lock()
	s.entries[e.key] = e
	s.mu.Unlock()
	c.order.append(e)
	c.bytes += e.size
	for range swept {
		if oldest := c.order.first; oldest != nil && oldest.until() <= now {
			c.remove(oldest)
		}
	}
	for c.order.length > c.bounds.MaxEntries || c.bytes > c.bounds.MaxBytes {
		c.evict()
	}
}

// evict removes the oldest that was not used since it last came up; one that was comes up once more.
func (c *Cache[V]) evict() {
	oldest := c.order.first
	if oldest.isUsed.Swap(false) {
		c.order.remove(oldest)
		c.order.append(oldest)
		return
	}
	c.remove(oldest)
	c.evicted.Add(1)
}

func (c *Cache[V]) remove(e *entry[V]) {
	s := c.shard(e.key)
	s.mu.Lock()
	delete(s.entries, e.key)
	s.mu.Unlock()
	c.order.remove(e)
	c.bytes -= e.size
}

// dropForgotten frees the memory of what was kept in an earlier epoch, which is not repeated any more.
func (c *Cache[V]) dropForgotten() {
	epoch := c.knowledge.Epoch()
	if c.epoch == epoch {
		return
	}
	c.epoch = epoch
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.entries)
		s.mu.Unlock()
	}
	c.order, c.bytes = list[V]{}, 0
}

// list is of entries in the order in which they came, or came up.
type list[V any] struct {
	first, last *entry[V]
	length      int
}

func (l *list[V]) append(e *entry[V]) {
	e.previous, e.next = l.last, nil
	if l.last != nil {
		l.last.next = e
	} else {
		l.first = e
	}
	l.last = e
	l.length++
}

func (l *list[V]) remove(e *entry[V]) {
	if e.previous != nil {
		e.previous.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.previous = e.previous
	} else {
		l.last = e.previous
	}
	e.previous, e.next = nil, nil
	l.length--
}
