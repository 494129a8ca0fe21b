package listening

import (
	"container/list"
	"net"
	"sync"
	"sync/atomic"
)

// Listener has at most so many connections. One that comes when there are as many takes the place of the oldest
// on which no call has come yet: whoever opens connections alone keeps nobody out.
type Listener struct {
	net.Listener
	// Closed is told of each connection that has ended; it is set before there are any.
	Closed func(*Connection)

	most    int
	refused atomic.Uint64

	mu     sync.Mutex
	open   map[*Connection]struct{}
	unused *list.List // the oldest first
}

// Bound is a listener of at most so many connections.
func Bound(inner net.Listener, most int) *Listener {
	return &Listener{
		Listener: inner,
		Closed:   func(*Connection) {},
		most:     most,
		open:     map[*Connection]struct{}{},
		unused:   list.New(),
	}
}

// Accept is the next connection for which there is a place.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if entered := l.enter(accepted); entered != nil {
			return entered, nil
		}
		_ = accepted.Close()
	}
}

// Connections are those that are open.
func (l *Listener) Connections() []*Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Connection, 0, len(l.open))
	for one := range l.open {
		all = append(all, one)
	}
	return all
}

// Count is how many are open.
func (l *Listener) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Refused is how many had no place, or lost it to others.
func (l *Listener) Refused() uint64 { return l.refused.Load() }

// enter is nil where there is no place.
func (l *Listener) enter(accepted net.Conn) *Connection {
	c := &Connection{Conn: accepted, listener: l}
	if oldest, isFull := l.place(c); isFull {
		l.refused.Add(1)
		if oldest == nil {
			return nil
		}
		_ = oldest.Close()
	}
	return c
}

// place gives a connection a place, and says whose that was where all were taken; nil where it can be nobody's.
func (l *Listener) place(c *Connection) (oldest *Connection, isFull bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		first := l.unused.Front()
		if first == nil {
			return nil, true
		}
		oldest, isFull = first.Value.(*Connection), true
		l.forget(oldest)
	}
	l.open[c] = struct{}{}
	c.unused = l.unused.PushBack(c)
	return oldest, isFull
}

func (l *Listener) use(c *Connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isUsed(c)
}

func (l *Listener) leave(c *Connection) {
	l.mu.Lock()
	l.forget(c)
	l.mu.Unlock()
	l.Closed(c)
}

func (l *Listener) forget(c *Connection) {
	delete(l.open, c)
	l.isUsed(c)
}

func (l *Listener) isUsed(c *Connection) {
	if c.unused != nil {
		l.unused.Remove(c.unused)
		c.unused = nil
	}
}
