package relay

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// permitted is how long it is trusted that a caller may watch: a stream lives for longer.
	permitted   = time.Minute
	mostPermits = 1_000
	askWithin   = 2 * time.Second
)

// Permits say which callers may watch, by what servers say to streams that are opened in their names.
type Permits struct {
	servers Servers
	mu      sync.Mutex
	until   map[[sha256.Size]byte]time.Time
}

// NewPermits has asked about nobody yet.
func NewPermits(servers Servers) *Permits {
	return &Permits{servers: servers, until: map[[sha256.Size]byte]time.Time{}}
}

// Check is nil where a caller may watch, by the headers that it came with, or the server's error.
func (p *Permits) Check(ctx context.Context, authorization []string) error {
	var key [sha256.Size]byte
	if len(authorization) == 1 {
		key = sha256.Sum256([]byte(authorization[0]))
		if p.isKnown(key, time.Now()) {
			return nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	stream, err := p.servers.Watch(ctx, authorization, "")
	if err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	if len(authorization) == 1 {
		p.remember(key, time.Now())
	}
	return nil
}

// Follow asks again for as long as the context lasts, and says so once a server does not let a caller watch any
// more: its key has gone, or its token has expired. Where no server answers nothing is known of that.
func (p *Permits) Follow(ctx context.Context, authorization []string, refused func(error)) {
	again := time.NewTicker(permitted)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			if err := p.Check(ctx, authorization); status.Code(err) == codes.PermissionDenied {
				refused(err)
				return
			}
		}
	}
}

func (p *Permits) isKnown(key [sha256.Size]byte, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return now.Before(p.until[key])
}

func (p *Permits) remember(key [sha256.Size]byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, until := range p.until {
		if !now.Before(until) {
			delete(p.until, other)
		}
	}
	if len(p.until) < mostPermits {
		p.until[key] = now.Add(permitted)
	}
}
