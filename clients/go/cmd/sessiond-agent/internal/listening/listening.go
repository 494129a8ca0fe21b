// Package listening opens what callers connect to: a Unix socket or a port, and no more connections than there may
// be.
package listening

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strings"

	"github.com/sessiond/sessiond/clients/go/internal/dial"
)

const unixPrefix = "unix:"

// ErrInClear says that callers' keys and tokens would cross a network in clear.
var ErrInClear = errors.New("callers' keys and users' tokens would come in clear from beyond this machine: " +
	"give --tls-cert-file and --tls-key-file, or listen on loopback or a Unix socket")

// IsLocal says whether only this machine can reach an address: unix:PATH or HOST:PORT.
func IsLocal(address string) bool { return dial.IsLocal(address) }

// Listen opens an address for at most so many connections at a time.
func Listen(address string, mode fs.FileMode, most int) (*Listener, error) {
	bound, err := open(address, mode)
	if err != nil {
		return nil, err
	}
	return Bound(bound, most), nil
}

func open(address string, mode fs.FileMode) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, unixPrefix)
	if !isUnix {
		return net.Listen("tcp", address)
	}
	path, err := filepath.Abs(strings.TrimPrefix(path, "//"))
	if err != nil {
		return nil, err
	}
	return listenUnix(path, mode)
}

// Name is the address as it can be called: the port that the system chose for port 0.
func Name(listener net.Listener) string {
	if listener.Addr().Network() == "unix" {
		return unixPrefix + listener.Addr().String()
	}
	return listener.Addr().String()
}
