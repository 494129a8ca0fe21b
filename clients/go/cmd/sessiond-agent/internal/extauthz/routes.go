package extauthz

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// mostRoutes is how many are remembered: their number is that of a configuration's routes, but whoever reaches
// the agent can name what they like.
const mostRoutes = 1_000

// errNoDPoPHost is for a route that names dpop where nobody has said for which hosts a proof may be.
var errNoDPoPHost = &misconfigured{"credentials", "dpop", "that only with an external URL or a list of hosts"}

// routes remembers what was read of context extensions.
type routes struct {
	defaults  credentials
	takesDPoP bool

	mutex sync.Mutex
	known map[[sha256.Size]byte]*route
}

func newRoutes(settings *Settings) (*routes, error) {
	defaults, err := settings.credentials()
	if err != nil {
		return nil, err
	}
	return &routes{
		defaults: defaults, takesDPoP: settings.takesDPoP(), known: map[[sha256.Size]byte]*route{},
	}, nil
}

// of is what these context extensions require.
func (r *routes) of(extensions map[string]string) (*route, error) {
	key := digestOf(extensions)
	r.mutex.Lock()
	known := r.known[key]
	r.mutex.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := parseRoute(extensions, r.defaults)
	if err == nil && found.credentials.dpop && !r.takesDPoP {
		err = errNoDPoPHost
	}
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.known) >= mostRoutes {
		clear(r.known)
	}
	r.known[key] = found
	return found, nil
}

func digestOf(extensions map[string]string) (digest [sha256.Size]byte) {
	text := make([]byte, 0, 512)
	for _, key := range slices.Sorted(maps.Keys(extensions)) {
		for _, part := range []string{key, extensions[key]} {
			text = binary.AppendUvarint(text, uint64(len(part)))
			text = append(text, part...)
		}
	}
	return sha256.Sum256(text)
}
