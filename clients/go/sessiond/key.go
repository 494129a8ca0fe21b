package sessiond

import (
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
	"unique"
)

// identity is who calls: the header that shows it, empty for none, and what tells it from others.
type identity struct {
	authorization string
	number        unique.Handle[string]
}

func identify(key string) identity {
	if key = strings.TrimSpace(key); key != "" {
		key = "Bearer " + key
	}
	return identity{key, unique.Make(key)}
}

// keySource gives who calls.
type keySource interface {
	identity() (identity, error)
}

type fixedKey struct{ known identity }

func (k fixedKey) identity() (identity, error) { return k.known, nil }

type keyFunc func() (string, error)

func (k keyFunc) identity() (identity, error) {
	key, err := k()
	return identify(key), err
}

const (
	// keyFileRest is how long a look at a file is trusted: at a million answers from memory in a second, one
	// in a hundred looks.
	keyFileRest = 100 * time.Microsecond
	// keyFileDoubt is within what time a file may be written twice under one time of modification.
	keyFileDoubt = 100 * time.Millisecond
)

// keyFile is read anew when the file is another one, or has another size or time of modification.
type keyFile struct {
	path string

	mu     sync.Mutex
	looked time.Time
	seen   fs.FileInfo // nil where the next look has to read, whatever it sees
	known  identity
}

func (k *keyFile) identity() (identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Sub(k.looked) < keyFileRest {
		return k.known, nil
	}
	found, err := os.Stat(k.path)
	if err != nil {
		return identity{}, err
	}
	if k.seen == nil || !isUnchanged(k.seen, found) {
		text, err := os.ReadFile(k.path)
		if err != nil {
			return identity{}, err
		}
		k.known, k.seen = identify(string(text)), found
		if now.Sub(found.ModTime()) < keyFileDoubt {
			k.seen = nil
		}
	}
	k.looked = now
	return k.known, nil
}

func isUnchanged(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
