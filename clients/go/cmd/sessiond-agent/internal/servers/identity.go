package servers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how long a look at the file is trusted.
	lookEvery = 100 * time.Millisecond
	// doubted is within what time a file may be written twice under one time of modification.
	doubted = 100 * time.Millisecond
)

var errEmpty = errors.New("the file is empty")

// Nobody has no key: a client certificate shows who the agent is, or nothing does.
type Nobody struct{}

// Authorization is empty.
func (Nobody) Authorization() string { return "" }

// Bearer shows who the agent is by what stands in a file: a key, or a token that is replaced before it expires.
// The file is read anew when it changes.
type Bearer struct {
	path string
	seen atomic.Pointer[look]
}

type look struct {
	at            time.Time
	file          fs.FileInfo // nil where the next look has to read, whatever it sees
	authorization string
}

// NewBearer reads a file for the first time.
func NewBearer(path string) (*Bearer, error) {
	b := &Bearer{path: path}
	if _, err := b.look(&look{}, time.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// Authorization is the header as the file has it now. A file that cannot be read has not changed: whether the
// last token is still good is for the servers to say.
func (b *Bearer) Authorization() string {
	last, now := b.seen.Load(), time.Now()
	if now.Sub(last.at) < lookEvery {
		return last.authorization
	}
	if read, err := b.look(last, now); err == nil {
		return read
	}
	return last.authorization
}

func (b *Bearer) look(last *look, now time.Time) (string, error) {
	found, err := os.Stat(b.path)
	if err != nil {
		return "", err
	}
	next := &look{now, found, last.authorization}
	if last.file == nil || !isUnchanged(last.file, found) {
		text, err := os.ReadFile(b.path)
		if err != nil {
			return "", err
		}
		key := strings.TrimSpace(string(text))
		if key == "" {
			return "", errEmpty
		}
		next.authorization = "Bearer " + key
		if now.Sub(found.ModTime()) < doubted {
			next.file = nil
		}
	}
	b.seen.Store(next)
	return next.authorization, nil
}

func isUnchanged(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
