package sessiond

import (
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// keySource gives the value of the header that shows who calls; it is empty where nothing is shown.
type keySource interface {
	authorization() (string, error)
}

type noKey struct{}

func (noKey) authorization() (string, error) { return "", nil }

type fixedKey string

func (k fixedKey) authorization() (string, error) {
	return "Bearer " + strings.TrimSpace(string(k)), nil
}

type keyFunc func() (string, error)

func (k keyFunc) authorization() (string, error) {
	key, err := k()
	return "Bearer " + strings.TrimSpace(key), err
}

const (
	// keyFileRest is how long a look at a file is trusted: at a million answers from memory in a second, one
	// in a hundred looks.
	keyFileRest = 100 * time.Microsecond
	// keyFileDoubt is within what time a file may be written twice under one time of modification.
	keyFileDoubt = 100 * time.Millisecond
)

// keyFile is read anew when the file is another one, or another size or time of modification.
type keyFile struct {
	path string

	mu      sync.Mutex
	looked  time.Time
	seen    fs.FileInfo
	isSure  bool
	current string
}

func (k *keyFile) authorization() (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	if now.Sub(k.looked) < keyFileRest && k.seen != nil {
		return k.current, nil
	}
	found, err := os.Stat(k.path)
	if err != nil {
		return "", err
	}
	if k.seen == nil || !k.isSure || !isUnchanged(k.seen, found) {
		text, err := os.ReadFile(k.path)
		if err != nil {
			return "", err
		}
		k.current = "Bearer " + strings.TrimSpace(string(text))
		k.isSure = now.Sub(found.ModTime()) > keyFileDoubt
	}
	k.looked, k.seen = now, found
	return k.current, nil
}

func isUnchanged(before, now fs.FileInfo) bool {
	return os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}
