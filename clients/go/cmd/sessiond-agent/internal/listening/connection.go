package listening

import (
	"container/list"
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/peer"
)

// Connection is one of a caller's, with what it holds here.
type Connection struct {
	net.Conn
	// Held is how many bytes its calls hold, and far below nothing once it is closed.
	Held atomic.Int64
	// Sent and Taken count answers: those that it has not taken wait for it. Not every short one is among them.
	Sent, Taken, Short atomic.Int64
	// Watches are its watches of health.
	Watches atomic.Int64

	listener *Listener
	isUsed   atomic.Bool
	isClosed atomic.Bool
	unused   *list.Element // nil once a call has come; the listener's mutex guards it
}

// address is that of a caller, from which the connection is found again.
type address struct {
	net.Addr
	connection *Connection
}

// From is the connection of a call.
func From(ctx context.Context) *Connection {
	if from, ok := peer.FromContext(ctx); ok {
		if found, ok := from.Addr.(*address); ok {
			return found.connection
		}
	}
	return &Connection{}
}

// RemoteAddr is the caller's address.
func (c *Connection) RemoteAddr() net.Addr { return &address{c.Conn.RemoteAddr(), c} }

// Use takes note that a call has come: the connection is not given up for another one any more.
func (c *Connection) Use() {
	if c.listener != nil && !c.isUsed.Load() && c.isUsed.CompareAndSwap(false, true) {
		c.listener.use(c)
	}
}

// Close ends it, and what its calls hold is free.
func (c *Connection) Close() error {
	if c.isClosed.CompareAndSwap(false, true) {
		c.listener.leave(c)
	}
	return c.Conn.Close()
}
